"""The configuration's resources as pages: each is described once, and the same views list, show, edit and delete all.

    routes = Kind(
        noun="route", page="routes", key="route_id", parent=apis, shape=RouteMembers,
        groups=(Group("", (Text("route_key", "Route key", required=True),)),),
        …
    )

`kinds` says what a description consists of, `fields` how members are written in forms, and one module for each resource
describes it, under the resource's name. `views.resources` turns a description into pages.
"""
