import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("rag", "0007_language_and_parts"),
    ]

    operations = [
        migrations.AddField(
            model_name="embeddingmodel",
            name="api",
            field=models.CharField(
                blank=True,
                help_text="How it is asked; empty: the settings say, as for the configured model.",
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="embeddingmodel",
            name="building_since",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="embeddingmodel",
            name="created_at",
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
        ),
        migrations.AddField(
            model_name="embeddingmodel",
            name="problem",
            field=models.CharField(
                blank=True, help_text="Why its vectors cannot be made just now.", max_length=500
            ),
        ),
        migrations.AddField(
            model_name="embeddingmodel",
            name="retired_at",
            field=models.DateTimeField(blank=True, help_text="When it was replaced or given up.", null=True),
        ),
        migrations.AddField(
            model_name="embeddingmodel",
            name="url",
            field=models.CharField(
                blank=True, help_text="Where; empty: in this installation.", max_length=500
            ),
        ),
        # What was replaced under the rules before goes in a day.
        migrations.RunSQL(
            "UPDATE rag_embeddingmodel SET retired_at = now() WHERE NOT active", migrations.RunSQL.noop
        ),
        migrations.AddConstraint(
            model_name="embeddingmodel",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("active", False),
                    models.Q(("building_since", None), ("retired_at", None)),
                    _connector="OR",
                ),
                name="embedding_model_active_is_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="embeddingmodel",
            constraint=models.CheckConstraint(
                condition=models.Q(("building_since", None), ("retired_at", None), _connector="OR"),
                name="embedding_model_one_state",
            ),
        ),
    ]
