"""Pages of the web as documents: fetched without being led into the network that this program stands in."""

from rag.crawling.addresses import Network, may_connect
from rag.crawling.fetch import Fetched, FetchError, FetchPolicy, NotModified, fetch
from rag.crawling.site_rules import SiteRules
from rag.crawling.urls import check_url

__all__ = [
    "FetchError",
    "FetchPolicy",
    "Fetched",
    "Network",
    "NotModified",
    "SiteRules",
    "check_url",
    "fetch",
    "may_connect",
]
