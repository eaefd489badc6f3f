from pathlib import Path

from django.db import migrations, models


class Migration(migrations.Migration):
    """Contexts of chunks, which count as words of theirs. There are none until somebody switches them on."""

    dependencies = [("rag", "0016_models_and_problems")]

    operations = [
        migrations.AddField(
            model_name="chunk",
            name="context",
            field=models.TextField(
                blank=True,
                db_default="",
                help_text="What a language model wrote of its place in the document: found, but never shown or cited.",
            ),
        ),
        migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text(), migrations.RunSQL.noop),
    ]
