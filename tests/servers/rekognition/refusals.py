"""The errors that the double answers, with the real messages where they are known."""

from __future__ import annotations


class Refusal(Exception):
    """An error answer: its code, words and HTTP status."""

    def __init__(self, code: str, message: str, *, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


MESSAGES = {
    "ThrottlingException": "Slow down; sudden increase in rate of requests.",
    "ProvisionedThroughputExceededException": "Provisioned rate exceeded.",
    "InternalServerError": "Internal server error",
    "InvalidS3ObjectException": "Unable to get object metadata from S3. Check object key, region "
    "and/or access permissions.",
    "InvalidParameterException": "Request has invalid parameters",
    "ValidationException": "1 validation error detected: Value '' at 'video' failed to satisfy "
    "constraint: Member must not be null",
    "IdempotentParameterMismatchException": "The ClientRequestToken you have supplied is already "
    "in use",
    "VideoTooLargeException": "Video size in bytes: 10737418241 is more than the maximum limit of: "
    "10737418240 bytes.",
    "ImageTooLargeException": "Image size is too large",
    "InvalidImageFormatException": "Request has invalid image format",
    "AccessDeniedException": "User: arn:aws:iam::123456789012:user/double is not authorized to "
    "perform: rekognition:DetectLabels because no identity-based policy allows it",
    "ResourceNotFoundException": "Could not find JobId",
    "InvalidPaginationTokenException": "Request has Invalid Pagination Token",
    "LimitExceededException": "21  open Jobs for User arn:aws:iam::123456789012:user/double. "
    "Maximum limit: 20",
}
STATUS = {"InternalServerError": 500}


def refusal(code: str, message: str = "") -> Refusal:
    """Make a refusal with its real words, or others."""
    return Refusal(code, message or MESSAGES.get(code, code), status=STATUS.get(code, 400))
