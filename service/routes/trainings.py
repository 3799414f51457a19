"""Trainings: started, followed, cancelled, and their models published."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import Query, Request, Response
from sse_starlette.event import ServerSentEvent

from jobs.training import TrainingOptions
from service.auth import Permission, Principal
from service.http.dependencies import (
    PublicationsDep,
    TrainingOrdersDep,
    TrainingsDep,
    TrainingStatusesDep,
    TrainingWatcherDep,
)
from service.http.event_stream import event_stream, events_of
from service.http.permissions import Allowed
from service.http.router import Router
from service.routes.training_serializers import training_out, training_preview_out
from service.schemas import (
    Cursor,
    ModelName,
    PageLimit,
    TrainingId,
    TrainingIn,
    TrainingOut,
    TrainingPage,
    TrainingPreviewOut,
)
from service.use_cases.training_status import TrainingStatus, TrainingWatcher

router = Router(tags=["trainings"])

_Manager = Annotated[Principal, Allowed(Permission.TRAININGS_MANAGE)]


@router.post("/v1/trainings", status_code=202)
def create_training(
    body: TrainingIn,
    response: Response,
    orders: TrainingOrdersDep,
    statuses: TrainingStatusesDep,
    principal: _Manager,
) -> TrainingOut:
    """Trains a model further with the accepted and corrected masks of the project.

    A worker exports the masks, trains, and measures both models on held-out cases of other
    subjects. The new model is published as a further version unless it is worse. Too few masks are
    a 422, a training of the same model that has not ended is a 409.
    """
    by = principal.reader or principal.name
    options = TrainingOptions(steps=body.steps)
    training = orders.place(principal.project, body.model, options, by)
    response.headers["Location"] = f"/v1/trainings/{training.id}"
    return training_out(statuses.of(training))


@router.get("/v1/trainings")
def list_trainings(
    trainings: TrainingsDep,
    statuses: TrainingStatusesDep,
    principal: _Manager,
    cursor: Cursor = None,
    limit: PageLimit = 50,
) -> TrainingPage:
    """The project's trainings, newest first."""
    page, next_cursor = trainings.page(principal.project, cursor=cursor, limit=limit)
    return TrainingPage(
        trainings=[training_out(one) for one in statuses.of_all(page)], next_cursor=next_cursor
    )


@router.get("/v1/trainings/preview")
def preview_training(
    orders: TrainingOrdersDep,
    statuses: TrainingStatusesDep,
    principal: _Manager,
    model: Annotated[ModelName, Query(description="The model that would be trained further.")],
) -> TrainingPreviewOut:
    """What a training of a model would learn from: how many masks of how many subjects, how many
    are held out to measure on, and whether they are enough."""
    preview = orders.preview(principal.project, model)
    running = None if preview.running is None else statuses.of(preview.running)
    return training_preview_out(preview, running, any_worker=statuses.any_worker())


@router.get("/v1/trainings/{training_id}")
def get_training(
    training_id: TrainingId, statuses: TrainingStatusesDep, principal: _Manager
) -> TrainingOut:
    """A training's state, its progress and its result."""
    return training_out(statuses.get(principal.project, training_id))


@router.post("/v1/trainings/{training_id}/cancel")
def cancel_training(
    training_id: TrainingId,
    trainings: TrainingsDep,
    statuses: TrainingStatusesDep,
    principal: _Manager,
) -> TrainingOut:
    """Cancels a queued or running training; a running one stops within seconds."""
    return training_out(statuses.of(trainings.cancel(principal.project, training_id)))


@router.post("/v1/trainings/{training_id}/retry", status_code=202)
def retry_training(
    training_id: TrainingId,
    orders: TrainingOrdersDep,
    statuses: TrainingStatusesDep,
    principal: _Manager,
) -> TrainingOut:
    """Queues a failed or cancelled training again; it starts from the beginning, with the masks
    that are accepted or corrected by then."""
    return training_out(statuses.of(orders.retry(principal.project, training_id)))


@router.post("/v1/trainings/{training_id}/publish")
def publish_training(
    training_id: TrainingId,
    publications: PublicationsDep,
    statuses: TrainingStatusesDep,
    principal: _Manager,
) -> TrainingOut:
    """Offers the new model for new jobs, also if it is worse than its parent.

    The parent stays, and jobs that have chosen it keep it. To send it again changes nothing.
    """
    return training_out(statuses.of(publications.publish(principal.project, training_id)))


_EVENTS: dict[int | str, dict[str, Any]] = {
    200: events_of("training", "TrainingOut", "until the training has ended")
}


@router.get("/v1/trainings/{training_id}/events", response_class=Response, responses=_EVENTS)
async def follow_training(
    request: Request,
    training_id: TrainingId,
    statuses: TrainingStatusesDep,
    watcher: TrainingWatcherDep,
    principal: Annotated[Principal, Allowed(Permission.TRAININGS_MANAGE, counted=False)],
) -> Response:
    """Follows a training: one event at once and one at every change, until it has ended and its
    model is published, or is not to be."""
    status = await run_sync(statuses.get, principal.project, training_id)
    return event_stream(request, _changes(watcher, status))


async def _changes(
    watcher: TrainingWatcher, status: TrainingStatus
) -> AsyncIterator[ServerSentEvent]:
    reported: TrainingStatus | None = None
    with watcher.follow(status.training.id, status) as follower:
        while not follower.ended:
            status = follower.status
            if status != reported:
                yield ServerSentEvent(training_out(status).model_dump_json(), event="training")
                reported = status
            if _is_settled(status):
                return
            await follower.wait()


def _is_settled(status: TrainingStatus) -> bool:
    training = status.training
    due = training.publish and training.published_at is None
    return training.state.final and not due
