from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("rag", "0004_answer_attempts")]

    operations = [
        migrations.RunSQL(
            Path(__file__).with_suffix(".sql").read_text(),
            "DROP FUNCTION rag_visible_terms(bigint[], bigint[]);",
        )
    ]
