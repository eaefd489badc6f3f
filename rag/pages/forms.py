"""Forms of the document pages."""

from django import forms


class CollectionForm(forms.Form):
    """A new collection. What is too long is told by the action: a browser would cut it without a word."""

    name = forms.CharField(widget=forms.TextInput(attrs={"autocomplete": "off"}))
    description = forms.CharField(required=False, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    everyone = forms.BooleanField(required=False, label="Everyone may read it")
