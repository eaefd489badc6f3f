from pathlib import Path

from django.db import migrations

HERE = Path(__file__).parent
BEFORE = (HERE / "post_messages.sql").read_text().replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1)


class Migration(migrations.Migration):
    dependencies = [("chat", "0004_reactions")]

    operations = [migrations.RunSQL((HERE / "post_messages_2.sql").read_text(), BEFORE)]
