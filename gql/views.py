"""The page a browser gets at `/graphql`: GraphiQL, from files of this installation."""

from csp.decorators import csp_update
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe


# Its stylesheet carries its fonts: allowed on this page alone. Scripts and styles stay those of this server.
@csp_update({"font-src": ["data:"]})
@require_safe
@login_required
def graphiql(request: HttpRequest) -> HttpResponse:
    """GraphiQL with the browser's session. Who is not signed in comes back to it by way of the sign-in page."""
    return render(request, "gql/graphiql.html")
