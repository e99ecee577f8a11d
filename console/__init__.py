"""What both command lines share: languages, errors, output, completion and manual pages."""
