"""The pages for who is not signed in, the account, and errors, without JavaScript."""

from chat.tests.pages import page

# ------------------------------------------------------------------------------------------------ signing in


def test_somebody_signed_out_is_led_to_the_sign_in_page(client, general):
    response = page(client, "room", general.pk)

    assert response.status_code == 302
    assert response["Location"] == f"/sign-in/?next=/rooms/{general.pk}/"


def test_signing_in_goes_on_to_the_page_that_was_asked_for(client, general):
    form = {"username": "grace", "password": "correct horse", "next": f"/rooms/{general.pk}/"}

    response = client.post("/sign-in/", form)

    assert response["Location"] == f"/rooms/{general.pk}/"


def test_a_wrong_password_is_told_without_saying_which_was_wrong(client, grace):
    unknown = client.post("/sign-in/", {"username": "nobody", "password": "x"})
    wrong = client.post("/sign-in/", {"username": "grace", "password": "x"})

    assert "That username and password do not match." in unknown.content.decode()
    assert "That username and password do not match." in wrong.content.decode()


def test_signing_in_does_not_lead_to_another_site(client, grace):
    form = {"username": "grace", "password": "correct horse", "next": "https://evil.example/"}

    assert client.post("/sign-in/", form)["Location"] == "/"


def test_a_new_installation_says_how_the_first_admin_is_made(client, db):
    assert "createsuperuser" in client.get("/sign-in/").content.decode()


def test_signing_out_needs_a_post(as_grace):
    assert as_grace.get("/sign-out/").status_code == 405
    assert as_grace.post("/sign-out/")["Location"] == "/sign-in/"


def test_a_changed_password_ends_the_sign_ins_elsewhere_and_keeps_this_one(client, grace):
    from django.test import Client

    elsewhere = Client()
    for browser in (client, elsewhere):
        browser.force_login(grace)
    new = "a battery staple 7"

    response = client.post(
        "/account/",
        {"old_password": "correct horse", "new_password1": new, "new_password2": new},
        follow=True,
    )

    assert "Your password is changed." in response.content.decode()
    assert elsewhere.get("/people/").status_code == 302
    assert client.get("/people/").status_code == 200
    grace.refresh_from_db()
    assert grace.check_password(new)


def test_a_password_is_not_changed_without_the_old_one_or_for_a_weak_one(as_grace, grace):
    wrong = {
        "old_password": "x",
        "new_password1": "a battery staple 7",
        "new_password2": "a battery staple 7",
    }
    weak = {"old_password": "correct horse", "new_password1": "password", "new_password2": "password"}

    for form, problem in ((wrong, "old password was entered incorrectly"), (weak, "too short")):
        assert problem in as_grace.post("/account/", form).content.decode()
    grace.refresh_from_db()
    assert grace.check_password("correct horse")


def test_the_account_page_is_linked_and_needs_a_sign_in(client, grace):
    assert client.get("/account/")["Location"] == "/sign-in/?next=/account/"
    client.force_login(grace)
    assert 'href="/account/"' in client.get("/people/").content.decode()


def test_browsers_that_ask_for_an_icon_get_one(client, db):
    assert client.get("/favicon.ico")["Location"] == "/static/chat/favicon.svg"
    assert "favicon.svg" in client.get("/admin/login/").content.decode()


# --------------------------------------------------------------------------------------------------- errors


def test_a_page_that_is_not_there_says_so_calmly(client, db):
    response = client.get("/nothing/")

    assert response.status_code == 404
    assert "Nothing here" in response.content.decode()
