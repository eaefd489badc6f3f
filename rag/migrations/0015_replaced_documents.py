"""Passages of several chunks for the assistant, and what became of documents that newer versions replaced."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("rag", "0014_words_by_language")]

    operations = [
        migrations.AddField(
            model_name="answerpassage",
            name="chunk_count",
            field=models.SmallIntegerField(db_default=1),
        ),
        migrations.CreateModel(
            name="ReplacedDocument",
            fields=[
                ("document_id", models.BigIntegerField(primary_key=True, serialize=False)),
                (
                    "replaced_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                (
                    "successor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="replaced",
                        to="rag.document",
                    ),
                ),
            ],
        ),
    ]
