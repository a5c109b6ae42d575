"""The forms of the pages: what a person may send, and what is wrong with it. They save nothing."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict

from labelling.budget import LIBRARY, OWNERS, owner_scope
from labelling.models import Cap
from medialib.http.addresses import read_networks
from medialib.models import Asset, User

_VISIBILITIES = [
    ("private", "Only me"),
    ("library", "Everyone signed in"),
    ("public", "Everyone, without signing in"),
]


def _input(kind: type[forms.Widget] = forms.TextInput, **attributes: Any) -> forms.Widget:
    return kind(attrs={"class": "input"} | attributes)


def split_keywords(text: str) -> list[str]:
    """Cut "beach, summer 2024" into keywords; the same word twice counts once."""
    words = (" ".join(word.split()) for word in text.replace("\n", ",").split(","))
    return list(dict.fromkeys(word for word in words if word))


class SignInForm(AuthenticationForm):
    """Name and password."""

    error_messages = {
        "invalid_login": "This name and password do not fit. Check both; capitals count.",
        "inactive": "This account is switched off. Ask whoever runs the library.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, label in (("username", "Name"), ("password", "Password")):
            self.fields[name].label = label
            self.fields[name].widget.attrs["class"] = "input"


# The first is the one that holds when none is chosen.
LIBRARY_SORTS = [
    ("newest", "newest"),
    ("oldest", "oldest"),
    ("title", "title"),
    ("longest", "longest"),
    ("largest", "largest"),
]


class SelectedForm(forms.Form):
    """What to do with the assets that are selected in the library."""

    MOST = 200
    action = forms.ChoiceField(
        choices=[(name, name) for name in ("keywords", "label-again", "remove", "restore")]
    )
    asset = forms.TypedMultipleChoiceField(required=False)
    keywords = forms.CharField(max_length=2_000, required=False)
    back = forms.CharField(max_length=2_000, required=False)

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        given = data.getlist("asset")[: self.MOST]
        field = self.fields["asset"]
        assert isinstance(field, forms.TypedMultipleChoiceField)
        field.choices = [(value, value) for value in given if _is_id(value)]

    def clean_keywords(self) -> list[str]:
        """Give the keywords as a list."""
        return [word[:100] for word in split_keywords(self.cleaned_data["keywords"])]


def _is_id(value: str) -> bool:
    try:
        uuid.UUID(value)
    except ValueError:
        return False
    return True


class LibraryForm(forms.Form):
    """The library's filters; a value that is none of these counts as not given."""

    kind = forms.ChoiceField(choices=Asset.Kind.choices, required=False)
    state = forms.ChoiceField(choices=Asset.State.choices, required=False)
    keyword = forms.CharField(max_length=100, required=False)
    sort = forms.ChoiceField(choices=LIBRARY_SORTS, required=False)
    view = forms.ChoiceField(choices=[("table", "Table")], required=False)
    before = forms.UUIDField(required=False)

    def chosen(self) -> dict[str, str]:
        """Give every filter as text, "" where it is not set."""
        return {name: str(self.cleaned_data.get(name) or "") for name in self.fields}


class FilesInput(forms.FileInput):
    """A file input that takes several files."""

    allow_multiple_selected = True

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[UploadedFile[bytes]]:
        """Give every file that was sent."""
        return list(files.getlist(name))


class FilesField(forms.FileField):
    """One or more files; empty ones pass, so that the service can say what is wrong with each."""

    widget = FilesInput

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile[bytes]]:
        """Give the files as a list."""
        files = list(data) if isinstance(data, (list, tuple)) else [data] if data else []
        if not files and self.required:
            raise forms.ValidationError(self.error_messages["required"], code="required")
        return files


class DescribeForm(forms.Form):
    """What a person says about an asset."""

    title = forms.CharField(
        max_length=300,
        required=False,
        widget=_input(autocomplete="off"),
        help_text="Without one, the file's name is shown.",
    )
    description = forms.CharField(
        max_length=10_000,
        required=False,
        widget=forms.Textarea(attrs={"class": "textarea", "rows": 3}),
    )
    keywords = forms.CharField(
        max_length=2_000,
        required=False,
        widget=_input(autocomplete="off", placeholder="beach, summer 2026"),
        help_text="Words people search for, with commas between them.",
    )
    visibility = forms.ChoiceField(
        label="Who may see it",
        choices=_VISIBILITIES,
        required=False,
        widget=forms.Select(attrs={"class": "select"}),
    )

    def clean_keywords(self) -> list[str]:
        """Give the keywords as a list, each short enough to be one."""
        words = split_keywords(self.cleaned_data["keywords"])
        long = next((word for word in words if len(word) > 100), None)
        if long:
            raise forms.ValidationError(
                "“%(word)s…” is longer than 100 characters: put commas between keywords.",
                params={"word": long[:30]},
            )
        return words


class EditForm(DescribeForm):
    """The same for an asset that is there; groups are shown only where they are in use."""

    @classmethod
    def of(cls, asset: Asset) -> EditForm:
        """Fill the form with what the asset says now."""
        form = cls(
            initial={
                "title": asset.title,
                "description": asset.description,
                "keywords": ", ".join(keyword.name for keyword in asset.keywords.all()),
                "visibility": asset.visibility,
            }
        )
        form.keep_groups(asset)
        return form

    def keep_groups(self, asset: Asset) -> None:
        """Offer "some groups" where the asset is shown to groups, so that saving keeps it."""
        if asset.visibility == Asset.Visibility.GROUPS:
            field = self.fields["visibility"]
            assert isinstance(field, forms.ChoiceField)
            field.choices = [*_VISIBILITIES, ("groups", "Some groups")]


class UploadForm(DescribeForm):
    """Files and what is said about all of them at once."""

    field_order = ["file", "title", "description", "keywords", "visibility"]
    file = FilesField(
        label="Videos and photos",
        widget=FilesInput(attrs={"class": "file-input", "accept": "video/*,image/*"}),
        error_messages={"required": "Choose at least one video or photo."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["title"].help_text += " Several files are numbered."
        self.fields["visibility"].initial = settings.MEDIALIB_DEFAULT_VISIBILITY


class CapForm(forms.Form):
    """A cap: whose, how often, how much. Without an amount it is taken away."""

    scope = forms.ChoiceField(label="Whose", widget=forms.Select(attrs={"class": "select"}))
    kind = forms.ChoiceField(
        label="For each",
        choices=[(Cap.Kind.MONTH, "month"), (Cap.Kind.DAY, "day")],
        widget=forms.Select(attrs={"class": "select"}),
    )
    amount = forms.DecimalField(
        label="US dollars",
        min_value=0,
        max_value=999_999,
        decimal_places=2,
        required=False,
        widget=_input(forms.NumberInput, inputmode="decimal", step="0.01", min="0"),
        help_text="Leave it empty to take the cap away.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = User.objects.filter(is_active=True).order_by("username")
        field = self.fields["scope"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [
            (LIBRARY, "The library"),
            (OWNERS, "Each owner without a cap of their own"),
            *((owner_scope(key), name) for key, name in people.values_list("pk", "username")),
        ]


class AllowForm(forms.Form):
    """What may be labelled whatever the caps say: one asset or one batch."""

    asset = forms.UUIDField(required=False)
    batch = forms.UUIDField(required=False)


_SCOPES = {
    "read": "read: search, look, play",
    "upload": "upload: put files in",
    "edit": "edit: change and remove what is yours",
    "analyse": "analyse: label again, bring answers in",
    "admin": "admin: what staff may do",
}


class TokenForm(forms.Form):
    """A new API token: what it is for, what it may do, how long and from where."""

    name = forms.CharField(
        label="What is it for?",
        max_length=100,
        widget=_input(autocomplete="off", placeholder="nightly import"),
    )
    scopes = forms.MultipleChoiceField(
        label="What it may do",
        widget=forms.CheckboxSelectMultiple,
        initial=["read"],
        error_messages={"required": "Choose at least one."},
    )
    days = forms.IntegerField(
        label="Days until it ends",
        required=False,
        min_value=1,
        max_value=3650,
        widget=_input(forms.NumberInput),
        help_text="Without a number it does not end by itself.",
    )
    addresses = forms.CharField(
        label="Only from these networks",
        required=False,
        max_length=500,
        widget=_input(autocomplete="off", placeholder="10.0.0.0/8, 192.0.2.7"),
        help_text="Without one it may be used from anywhere.",
    )

    def __init__(self, *args: Any, is_staff: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["scopes"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [(k, v) for k, v in _SCOPES.items() if is_staff or k != "admin"]

    def clean_addresses(self) -> list[str]:
        """Give the networks as a list."""
        try:
            return read_networks(self.cleaned_data["addresses"])
        except ValueError:
            raise forms.ValidationError(
                "Give addresses or networks such as 10.0.0.0/8, with commas between them."
            ) from None

    def wanted(self) -> dict[str, Any]:
        """Give what was said as the arguments that a new token is made with."""
        said = self.cleaned_data
        return {
            "name": said["name"],
            "scopes": said["scopes"],
            "expires_in": timedelta(days=said["days"]) if said["days"] else None,
            "addresses": said["addresses"],
        }
