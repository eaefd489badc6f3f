import pytest


@pytest.fixture
def storage_folder(settings, tmp_path):
    """Uploaded files go below the test's own folder."""
    folder = tmp_path / "files"
    settings.STORAGES = settings.STORAGES | {
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": folder},
        }
    }
    return folder
