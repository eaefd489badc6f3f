from pathlib import Path

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("chat", "0001_initial"), ("procrastinate", "0041_post_retry_failed_job")]

    operations = [
        migrations.RunSQL(
            Path(__file__).with_name("post_messages.sql").read_text(),
            "DROP FUNCTION chat_post_messages(bigint[], bigint[], text[], text[], text[], bigint[], int[], text[])",
        )
    ]
