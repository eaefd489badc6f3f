"""Where a document was fetched from, and when it is looked at again."""

from django.db import models
from django.db.models import Q


class WebPage(models.Model):
    """A URL that is a document of a collection. The document changes with the page, and takes it along when deleted."""

    collection = models.ForeignKey("rag.Collection", models.CASCADE, related_name="web_pages")
    url = models.CharField(max_length=500)
    title = models.CharField(
        max_length=300, blank=True, help_text="Given by who added it; else the page's own."
    )
    document = models.OneToOneField("rag.Document", models.CASCADE, related_name="web_page")
    etag = models.CharField(max_length=200, blank=True)
    last_modified = models.CharField(max_length=200, blank=True)
    check_every_hours = models.IntegerField(default=0, help_text="0: only when somebody asks for it.")
    next_check_at = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    error_code = models.CharField(max_length=40, blank=True, help_text="Of the last check.")
    error_message = models.CharField(max_length=500, blank=True)

    class Meta:
        app_label = "rag"
        constraints = [
            models.UniqueConstraint(fields=["collection", "url"], name="web_page_once_per_collection"),
            models.CheckConstraint(
                condition=Q(check_every_hours__gte=0), name="web_page_interval_not_negative"
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_check_at"], condition=Q(next_check_at__isnull=False), name="web_page_due"
            )
        ]

    def __str__(self) -> str:
        return self.url
