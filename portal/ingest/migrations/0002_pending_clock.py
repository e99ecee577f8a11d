import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('ingest', '0001_initial'),
    ]

    operations = [
        migrations.RenameModel('Undated', 'PendingClock'),
        migrations.AlterModelOptions(
            name='pendingclock',
            options={'verbose_name_plural': 'pending clock'},
        ),
        migrations.AlterField(
            model_name='pendingclock',
            name='epoch',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='pending', to='ingest.epoch'),
        ),
        migrations.RenameIndex(
            model_name='pendingclock',
            new_name='pending_boot',
            old_name='undated_boot',
        ),
    ]
