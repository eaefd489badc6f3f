"""Forms of the document pages."""

from django import forms


class CollectionForm(forms.Form):
    """A new collection."""

    name = forms.CharField(max_length=80, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    description = forms.CharField(
        max_length=500, required=False, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    everyone = forms.BooleanField(required=False, label="Everyone may read it")
