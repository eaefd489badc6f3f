"""What `manage.py doctor` says of embedding models."""

import pytest

from project import doctor
from rag.actions import embedding_models

pytestmark = pytest.mark.django_db


def test_doctor_tells_how_far_the_next_model_is_and_why_not_further():
    assert doctor.check_embedding_models() == "none in use yet: there are no documents"
    embedding_models.use_embedding_model("all-MiniLM-L6-v2-onnx-int8", 384)
    model = embedding_models.build_embedding_model("next", 3)
    assert doctor.check_embedding_models() == (
        "all-MiniLM-L6-v2-onnx-int8 active, 0 of 0 passages; next building, 0 of 0 passages"
    )

    embedding_models.note_problem(model.pk, "wrong key")
    with pytest.raises(doctor.Problem, match="next: wrong key"):
        doctor.check_embedding_models()


def test_doctor_tells_when_the_model_that_answers_cannot_be_asked():
    embedding_models.use_embedding_model("of a server that nobody knows any more", 3)

    with pytest.raises(doctor.Problem, match="words alone decide"):
        doctor.check_embedding_models()
