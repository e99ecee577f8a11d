from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('fleet', '0004_evidence_of_conditions'),
    ]

    operations = [
        migrations.AlterField(
            model_name='devicesupply',
            name='name',
            field=models.CharField(blank=True, default='', max_length=255),
        ),
    ]
