import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("rag", "0010_web_pages"),
    ]

    operations = [
        migrations.AddField(
            model_name="embeddingmodel",
            name="price",
            field=models.DecimalField(
                blank=True,
                decimal_places=4,
                help_text="USD per million tokens; empty: what is known of models of its name, else nothing.",
                max_digits=10,
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="goldenquestion",
            name="accepted",
            field=models.BooleanField(default=False, help_text="Runs ask it; until then it is a candidate."),
        ),
        migrations.CreateModel(
            name="EmbeddingUsage",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("model", models.CharField(max_length=200)),
                ("is_question", models.BooleanField(help_text="Else passages of documents.")),
                ("texts", models.IntegerField()),
                ("tokens", models.IntegerField()),
                (
                    "price",
                    models.DecimalField(
                        decimal_places=4, help_text="USD per million tokens, then.", max_digits=10
                    ),
                ),
                ("cost", models.DecimalField(decimal_places=10, help_text="USD.", max_digits=16)),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "indexes": [models.Index(fields=["-at"], name="embedding_usage_newest")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("cost__gte", 0), ("texts__gte", 0), ("tokens__gte", 0)),
                        name="embedding_usage_not_negative",
                    )
                ],
            },
        ),
    ]
