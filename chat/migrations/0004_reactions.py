import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("chat", "0003_socket_session"),
    ]

    operations = [
        migrations.AddField(
            model_name="message",
            name="reactions",
            field=models.JSONField(
                blank=True,
                db_default=[],
                default=list,
                help_text="What the rows of Reaction come to, in wire form; written with them under the message's lock.",
            ),
        ),
        migrations.CreateModel(
            name="Reaction",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("emoji", models.CharField(max_length=32)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "message",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="reaction_rows",
                        to="chat.message",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reactions",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("message", "user", "emoji"), name="reaction_once"),
                    models.CheckConstraint(
                        condition=models.Q(("emoji", ""), _negated=True), name="reaction_has_emoji"
                    ),
                ],
            },
        ),
    ]
