"""`/api/analyses/…`: look at a labelling run, stop it, try it again."""

from __future__ import annotations

import uuid

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from labelling.models import Analysis
from medialib import services
from medialib.api.assets import asset_for
from medialib.api.serializers import AnalysisSerializer
from medialib.api.summaries import analysis_summary
from medialib.exceptions import Missing
from medialib.http.authentication import signed_in


def _analysis_for(request: Request, analysis_id: uuid.UUID, *, edit: bool = False) -> Analysis:
    """Give the analysis of an asset the caller may see, or raise Missing."""
    analysis = Analysis.objects.filter(pk=analysis_id).first()
    if analysis is None:
        raise Missing
    asset_for(request, analysis.asset_id, edit=edit)
    return analysis


class AnalysisView(APIView):
    """One labelling run."""

    required_scope = "read"

    @extend_schema(operation_id="analyses_retrieve", responses=AnalysisSerializer)
    def get(self, request: Request, analysis_id: uuid.UUID) -> Response:
        """Look at one analysis."""
        return Response(analysis_summary(_analysis_for(request, analysis_id)))


class AnalysisCancelView(APIView):
    """A labelling run that has not ended."""

    required_scope = "analyse"

    @extend_schema(operation_id="analyses_cancel", request=None, responses=AnalysisSerializer)
    def post(self, request: Request, analysis_id: uuid.UUID) -> Response:
        """Stop an analysis; what was found before stays."""
        analysis = _analysis_for(request, analysis_id, edit=True)
        services.cancel_analysis(analysis, actor=signed_in(request))
        analysis.refresh_from_db()
        return Response(analysis_summary(analysis))


class AnalysisRetryView(APIView):
    """A labelling run that failed."""

    required_scope = "analyse"
    problem_statuses = {"POST": {"409": "It is being labelled already"}}

    @extend_schema(operation_id="analyses_retry", request=None, responses={202: AnalysisSerializer})
    def post(self, request: Request, analysis_id: uuid.UUID) -> Response:
        """Run the feature again, as a new analysis."""
        analysis = _analysis_for(request, analysis_id, edit=True)
        queued = services.label_again(
            analysis.asset, actor=signed_in(request), features=[analysis.feature]
        )
        return Response(analysis_summary(queued[0]), status=202)
