"""The upload page. Its module sends files one by one to the API; without it the form comes here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from labelling.estimates import prices
from medialib import services
from medialib.exceptions import Duplicate, Refused, StorageUnavailable
from medialib.forms import UploadForm
from medialib.models import User
from medialib.views.labeller import current_labeller


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of one file."""

    filename: str
    tone: str
    sentence: str
    url: str = ""


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def upload_page(request: HttpRequest) -> HttpResponse:
    """Show the upload page; POST keeps the files of the plain form."""
    sent: list[Sent] = []
    form = UploadForm()
    if request.method == "POST":
        form = UploadForm(request.POST, request.FILES)
        if form.is_valid():
            files = form.cleaned_data["file"]
            sent = [
                _keep(cast(User, request.user), file, form, number=n if len(files) > 1 else 0)
                for n, file in enumerate(files, start=1)
            ]
            form = UploadForm()
    context = {
        "form": form,
        "sent": sent,
        "labeller": current_labeller(),
        "prices": prices(),
        "max_bytes": settings.MEDIALIB_MAX_UPLOAD_BYTES,
        "part_bytes": settings.MEDIALIB_PART_BYTES,
    }
    return render(request, "medialib/upload.html", context, status=422 if form.errors else 200)


def _keep(owner: User, file: UploadedFile[bytes], form: UploadForm, *, number: int) -> Sent:
    title = form.cleaned_data["title"]
    details = services.Details(
        title=f"{title} {number}" if title and number else title,
        description=form.cleaned_data["description"],
        keywords=tuple(form.cleaned_data["keywords"]),
        visibility=form.cleaned_data["visibility"],
    )
    name = file.name or "file"
    try:
        asset = services.create_asset(owner=owner, file=file, filename=name, details=details)
    except Duplicate as error:
        return Sent(name, "warn", error.detail, reverse("asset", args=[error.asset_id]))
    except (Refused, StorageUnavailable) as error:
        return Sent(name, "bad", error.detail)
    url = reverse("asset", args=[asset.pk])
    return Sent(name, "ok", "It is kept and being prepared.", url)
