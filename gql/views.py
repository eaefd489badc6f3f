"""The page a browser gets at `/graphql`: GraphiQL, from files of this installation."""

from csp.decorators import csp_update
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe


# Its stylesheet carries its fonts: allowed on this page alone. Scripts and styles stay those of this server.
@csp_update({"font-src": ["data:"]})
@require_safe
def graphiql(request: HttpRequest) -> HttpResponse:
    """GraphiQL. It works with the browser's session; a token can be set in its headers."""
    return render(request, "gql/graphiql.html")
