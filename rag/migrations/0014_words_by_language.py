from pathlib import Path

from django.db import migrations, models


class Migration(migrations.Migration):
    """Words by the language of their document. What was indexed before is English to it, until a job has been there."""

    dependencies = [("rag", "0013_calls_of_earlier_answers")]

    operations = [
        migrations.AddField(
            model_name="document",
            name="lexical_version",
            field=models.SmallIntegerField(
                db_default=1,
                editable=False,
                help_text="The rules by which its words were indexed. Those of older ones are indexed again.",
            ),
        ),
        migrations.AddField(
            model_name="lexeme",
            name="language",
            field=models.CharField(
                db_default="en", help_text="Whose stemmer made it, by ISO 639-1 (de).", max_length=8
            ),
        ),
        migrations.AlterField(model_name="lexeme", name="lexeme", field=models.TextField()),
        migrations.AddConstraint(
            model_name="lexeme",
            constraint=models.UniqueConstraint(
                fields=["language", "lexeme"], name="lexeme_once_per_language"
            ),
        ),
        # No way back: frequencies and vectors of other languages' words would be of no use to what was before.
        migrations.RunSQL(Path(__file__).with_suffix(".sql").read_text()),
    ]
