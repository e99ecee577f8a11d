from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('authority', '0002_who_issued_and_what_for'),
    ]

    operations = [
        migrations.RenameField('issuedcertificate', 'begins_at', 'valid_from'),
        migrations.RenameField('issuedcertificate', 'ends_at', 'expires_at'),
        migrations.RenameField('revocationlist', 'begins_at', 'valid_from'),
        migrations.RenameField('revocationlist', 'ends_at', 'expires_at'),
    ]
