from django.db import migrations


class Migration(migrations.Migration):
    """New words go into the index over trigrams at once.

    Those put off, up to 4 MB, were read from end to end by each look-up of a misspelt word: 6 ms instead of 0.3.
    """

    dependencies = [("rag", "0015_replaced_documents")]

    operations = [
        migrations.RunSQL(
            [
                "ALTER INDEX rag_lexeme_trigrams SET (fastupdate = off);",
                "SELECT gin_clean_pending_list('rag_lexeme_trigrams'::regclass);",
            ],
            "ALTER INDEX rag_lexeme_trigrams RESET (fastupdate);",
        )
    ]
