from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("gatewayapp", "0011_disconnect_retries"),
    ]

    operations = [
        migrations.CreateModel(
            name="Installation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("installation_id", models.CharField(max_length=32)),
                ("place", models.CharField(max_length=512)),
                ("held_incarnations", models.JSONField(default=list)),
            ],
        ),
    ]
