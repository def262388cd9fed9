"""Encrypts what can hold credentials: drafts, deployments, stage variables, test cases and the audit log."""

from typing import Any

from django.conf import settings
from django.db import migrations, models

from gatewayapp.core.masking import Mask
from gatewayapp.core.redaction import Redactor
from gatewayapp.migrations._encryption import Column, encryption_steps, forget_plain_text
from gatewayapp.models.encryption import EncryptedJSONField, EncryptedTextField

_COLUMNS = (
    Column("auditentry", "before", EncryptedJSONField(null=True)),
    Column("auditentry", "after", EncryptedJSONField(null=True)),
    Column("deployment", "snapshot", EncryptedJSONField()),
    Column("integration", "integration_uri", EncryptedTextField(default="")),
    Column("integration", "request_parameters", EncryptedJSONField(default=dict)),
    Column("integration", "request_templates", EncryptedJSONField(default=dict)),
    Column("integrationresponse", "response_parameters", EncryptedJSONField(default=dict)),
    Column("integrationresponse", "response_templates", EncryptedJSONField(default=dict)),
    Column("stage", "stage_variables", EncryptedJSONField(default=dict)),
    Column("testcase", "message", EncryptedTextField(default="")),
    Column("testcase", "expectations", EncryptedJSONField(default=dict)),
)


def _redact(apps: Any, schema_editor: Any) -> None:
    """Hide secrets in older audit entries that were not recognized then, and fill in the URIs for lists."""
    redactor, alias = Redactor(Mask(settings.NOPAL_MASK)), schema_editor.connection.alias
    entries = apps.get_model("gatewayapp", "AuditEntry").objects.using(alias)
    for key in list(entries.order_by("pk").values_list("pk", flat=True)):
        entry = entries.get(pk=key)
        entry.before = None if entry.before is None else redactor.document(entry.before)
        entry.after = None if entry.after is None else redactor.document(entry.after)
        entry.save()
    for integration in apps.get_model("gatewayapp", "Integration").objects.using(alias):
        integration.shown_uri = redactor.mask.url(integration.integration_uri)
        integration.save(update_fields=["shown_uri"])


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("gatewayapp", "0009_hashed_session_keys"),
    ]

    operations = [
        *encryption_steps("gatewayapp", _COLUMNS),
        migrations.AddField(
            model_name="integration",
            name="shown_uri",
            field=models.CharField(default="", editable=False, max_length=2048),
        ),
        migrations.RunPython(_redact, migrations.RunPython.noop, atomic=True),
        forget_plain_text("gatewayapp", _COLUMNS),
    ]
