import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("chat", "0002_post_messages"),
    ]

    operations = [
        migrations.CreateModel(
            name="SocketSession",
            fields=[
                ("pid", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("sid", models.CharField(max_length=40)),
                ("rooms", models.JSONField(db_default={}, default=dict)),
                (
                    "updated_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), db_index=True),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
    ]
