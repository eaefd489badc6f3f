from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("rag", "0001_initial")]

    operations = [
        migrations.RunSQL(
            Path(__file__).with_suffix(".sql").read_text(),
            """
            DROP TRIGGER rag_lexicalvector_uncount ON rag_lexicalvector;
            DROP FUNCTION rag_uncount_chunks(), rag_drop_chunks(bigint), rag_index_chunks(bigint, int, int);
            DROP INDEX rag_lexeme_trigrams, rag_lexicalvector_terms;
            DROP FUNCTION rag_term_ids(sparsevec), rag_lexemes(text), rag_normalize(text), rag_unaccent(text);
            """,
        )
    ]
