"""The admin's view of labels, caps, and (to look at only) of analyses and the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.forms import BaseModelFormSet
from django.http import HttpRequest

from labelling import budget, lineage
from labelling.models import (
    Analysis,
    Cap,
    Label,
    LabelAlias,
    LabelCategory,
    LabelParent,
    LedgerEntry,
)
from labelling.taxonomy import fold, name_is_fit, would_make_cycle
from labelling.vocabulary import hide_labels, vocabulary_changed
from medialib.models import User

# Django's own classes take no type arguments at run time; the type checker wants them.
if TYPE_CHECKING:
    _AliasModelForm = forms.ModelForm[LabelAlias]
    _ParentModelForm = forms.ModelForm[LabelParent]
    _LabelModelForm = forms.ModelForm[Label]
    _AliasTabularInline = admin.TabularInline[LabelAlias, Label]
    _ParentTabularInline = admin.TabularInline[LabelParent, Label]
    _CategoryTabularInline = admin.TabularInline[LabelCategory, Label]
    _LabelModelAdmin = admin.ModelAdmin[Label]
    _AnalysisModelAdmin = admin.ModelAdmin[Analysis]
    _CapModelAdmin = admin.ModelAdmin[Cap]
    _LedgerModelAdmin = admin.ModelAdmin[LedgerEntry]
else:
    _AliasModelForm = _ParentModelForm = _LabelModelForm = forms.ModelForm
    _AliasTabularInline = _ParentTabularInline = _CategoryTabularInline = admin.TabularInline
    _LabelModelAdmin = _AnalysisModelAdmin = admin.ModelAdmin
    _CapModelAdmin = _LedgerModelAdmin = admin.ModelAdmin

# The origin of relations that people add here, where a model version would stand.
_BY_HAND = "person"


class _AliasForm(_AliasModelForm):
    class Meta:
        model = LabelAlias
        fields = ["name"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        name = cleaned.get("name", "")
        if not name_is_fit(name):
            raise forms.ValidationError("An alias is 1 to 100 printable characters.")
        self.instance.folded = fold(name)
        self.instance.model_version = self.instance.model_version or _BY_HAND
        return cleaned


class _ParentForm(_ParentModelForm):
    class Meta:
        model = LabelParent
        fields = ["parent"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        parent = cleaned.get("parent")
        graph: dict[int, set[int]] = {}
        for label_id, parent_id in LabelParent.objects.values_list("label_id", "parent_id"):
            graph.setdefault(label_id, set()).add(parent_id)
        child = self.instance.label_id
        if parent and child and would_make_cycle(child, parent=parent.pk, parents=graph):
            raise forms.ValidationError(f"{parent} stands below this label already.")
        self.instance.model_version = self.instance.model_version or _BY_HAND
        return cleaned


class _AliasInline(_AliasTabularInline):
    model = LabelAlias
    form = _AliasForm
    extra = 0


class _ParentInline(_ParentTabularInline):
    model = LabelParent
    form = _ParentForm
    fk_name = "label"
    autocomplete_fields = ["parent"]
    extra = 0


class _CategoryInline(_CategoryTabularInline):
    model = LabelCategory
    fields = ["name"]
    extra = 0


class _LabelForm(_LabelModelForm):
    class Meta:
        model = Label
        fields = ["name", "hidden"]

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if not name_is_fit(name):
            raise forms.ValidationError("A label's name is 1 to 100 printable characters.")
        same = Label.objects.filter(folded=fold(name)).exclude(pk=self.instance.pk)
        if same.exists():
            raise forms.ValidationError("There is a label of this name already.")
        return name


@admin.register(Label)
class LabelAdmin(_LabelModelAdmin):
    """Labels with the words that find them."""

    form = _LabelForm
    list_display = ["name", "origin", "hidden"]
    list_filter = ["hidden", "origin"]
    actions = ["hide", "show_again"]
    search_fields = ["name", "alias_rows__name"]
    inlines = [_AliasInline, _ParentInline, _CategoryInline]

    def save_model(self, request: HttpRequest, obj: Label, form: Any, change: bool) -> None:
        """Keep the folded name beside the name."""
        obj.folded = fold(obj.name)
        if not change:
            obj.origin = Label.Origin.PERSON
        super().save_model(request, obj, form, change)

    @admin.action(description="Hide from lists, suggestions and facets")
    def hide(self, request: HttpRequest, queryset: QuerySet[Label]) -> None:
        """Hide the chosen labels."""
        count = hide_labels(queryset, hidden=True)
        self.message_user(request, f"{count} hidden; a search for the name still finds them.")

    @admin.action(description="Show again")
    def show_again(self, request: HttpRequest, queryset: QuerySet[Label]) -> None:
        """Show the chosen labels again."""
        self.message_user(request, f"{hide_labels(queryset, hidden=False)} shown again.")

    def save_formset(
        self, request: HttpRequest, form: Any, formset: BaseModelFormSet[Any, Any], change: bool
    ) -> None:
        """Save aliases, parents and categories; search reads the vocabulary anew."""
        with transaction.atomic():
            for row in formset.save(commit=False):
                row.model_version = row.model_version or _BY_HAND
                row.save()
            for row in formset.deleted_objects:
                row.delete()
            vocabulary_changed()
            if formset.model is not LabelAlias and formset.has_changed():
                lineage.index_again([form.instance.pk])


@admin.register(Analysis)
class AnalysisAdmin(_AnalysisModelAdmin):
    """Labelling runs, to look at: their doing is the services' alone."""

    list_display = ["asset", "feature", "backend", "model_version", "status", "current", "ended_at"]
    list_filter = ["status", "feature", "backend", "current"]
    search_fields = ["asset__title", "asset__original_filename", "job_id"]
    list_select_related = ["asset"]
    date_hierarchy = "created_at"
    exclude = ["boxes_index"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody makes an analysis by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Analysis | None = None) -> bool:
        """Nobody changes one either."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Analysis | None = None) -> bool:
        """They go with their asset."""
        return False


@admin.register(Cap)
class CapAdmin(_CapModelAdmin):
    """Caps: what may be spent. Superusers only; the costs page has the same with more words."""

    list_display = ["scope", "kind", "amount", "set_by", "set_at"]
    list_filter = ["kind"]
    search_fields = ["scope"]
    list_select_related = ["set_by"]
    fields = ["scope", "kind", "amount"]

    def save_model(self, request: HttpRequest, obj: Cap, form: Any, change: bool) -> None:
        """Set the cap through the budget, so that what waits for money is woken."""
        actor = request.user if isinstance(request.user, User) else None
        if change and obj.pk:
            former = Cap.objects.get(pk=obj.pk)
            if (former.scope, former.kind) != (obj.scope, obj.kind):
                budget.set_cap(former.scope, former.kind, None, actor=actor)
        budget.set_cap(obj.scope, obj.kind, obj.amount, actor=actor)
        obj.pk = Cap.objects.get(scope=obj.scope, kind=obj.kind).pk

    def delete_model(self, request: HttpRequest, obj: Cap) -> None:
        """Take the cap away through the budget."""
        actor = request.user if isinstance(request.user, User) else None
        budget.set_cap(obj.scope, obj.kind, None, actor=actor)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Money is the superusers' matter."""
        return bool(request.user.is_active and request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: Cap | None = None) -> bool:
        """Money is the superusers' matter."""
        return self.has_add_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Cap | None = None) -> bool:
        """Money is the superusers' matter."""
        return self.has_add_permission(request)


@admin.register(LedgerEntry)
class LedgerAdmin(_LedgerModelAdmin):
    """Every call that cost money, to look at."""

    list_display = ["at", "owner", "asset", "operation", "units", "unit", "cost", "uncertain"]
    list_filter = ["operation", "uncertain", "backend"]
    list_select_related = ["owner", "asset"]
    date_hierarchy = "at"

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Only the budget writes here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: LedgerEntry | None = None) -> bool:
        """What is written stays."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: LedgerEntry | None = None) -> bool:
        """What is written stays."""
        return False
