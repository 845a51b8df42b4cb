"""The API as a function from requests to replies, without a server."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from local.gemini.api.exchange import OK, UPLOAD_STATUS, Call, Handler, Head, Reply, json_reply
from local.gemini.api.refusals import check_key, refusal
from local.gemini.api.resource_handlers import ResourceHandlers
from local.gemini.api.upload_handlers import UploadHandlers
from local.gemini.simulator import Simulator
from local.gemini.traffic.faults import FaultKind, FaultRule
from local.gemini.traffic.request_log import TRACE_HEADERS
from local.gemini.wire.errors import ApiError, invalid_argument, not_found, unavailable
from local.gemini.wire.messages import parse_object
from local.gemini.wire.routes import START_ROUTES, UPLOAD_ROUTES, Route, match
from local.gemini.wire.whole_uploads import parse_whole_upload

_HTML = b"<!DOCTYPE html>\n<html><head><title>Sorry</title></head><body>Sorry</body></html>\n"


class Api:
    """Answers requests in two steps, because a connection reset comes before the body is read."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._handlers: Mapping[Route, Handler] = {
            **UploadHandlers(simulator).by_route(),
            **ResourceHandlers(simulator).by_route(),
        }

    def open(self, head: Head) -> Call:
        """Begin a request whose body has not been read; only a connection reset can happen here."""
        found = match(
            head.method,
            head.path,
            upload_id=head.query.get("upload_id"),
            command=head.headers.get("x-goog-upload-command", ""),
        )
        if found is None:
            return Call(head, None, {})
        route, names = found
        call = Call(head, route, names, self._resource(names))
        call.fault = self._simulator.faults.draw(route, call.resource, reset=True)
        return call

    def abandon(self, call: Call) -> None:
        """Log a request that was cut off, by a reset or by the client."""
        self._note(call, 0)

    def answer(self, call: Call, body: bytes) -> Reply:
        """Answer a request; all its effects are committed when this returns."""
        call.body = body
        try:
            with self._simulator.database.transaction():
                try:
                    reply = self._attempt(call)
                except ApiError as error:
                    reply = json_reply(error.to_json(), error.code)
                    reply.headers.update(error.headers)
        except sqlite3.OperationalError as error:
            self._simulator.forget_unsaved()
            failure = unavailable(f"The state can't be written: {error}")
            reply = json_reply(failure.to_json(), failure.code)
        self._note(call, reply.status)
        if call.route in UPLOAD_ROUTES and UPLOAD_STATUS not in reply.headers:
            # Without this header, the official clients send the chunk three times in all.
            reply.headers[UPLOAD_STATUS] = "final"
        if call.fault:
            self._apply_to_reply(reply, call.fault)
        return reply

    def _attempt(self, call: Call) -> Reply:
        if call.route is None:
            raise not_found(f"No such method: {call.head.method} {call.head.path}")
        if call.route not in UPLOAD_ROUTES:
            check_key(call.head)
        self._read_message(call)
        self._meter(call.route)
        call.fault = self._simulator.faults.draw(call.route, call.resource)
        handle = self._handlers[call.route]
        fault = call.fault
        error = refusal(fault, self._simulator.fault_delay_s(fault)) if fault else None
        if error is None:
            return handle(call)
        if fault and fault.after_effect:
            handle(call)
        raise error

    def _read_message(self, call: Call) -> None:
        if call.route in UPLOAD_ROUTES or call.head.method != "POST":
            return
        headers = call.head.headers
        if call.route in START_ROUTES:
            call.whole = parse_whole_upload(
                headers.get("x-goog-upload-protocol", ""),
                headers.get("content-type", ""),
                call.body,
            )
        try:
            call.message = parse_object(call.whole.metadata if call.whole else call.body)
        except ValueError as error:
            raise invalid_argument(f"Invalid JSON payload received. {error}") from error
        file = call.message.get("file")
        named = file.get("name") if isinstance(file, dict) else call.message.get("fileName")
        if isinstance(named, str):
            call.resource = named

    def _meter(self, route: Route) -> None:
        self._simulator.quota.admit(route, self._simulator.clock.now())
        if route in self._simulator.quota.limits.metered:
            self._simulator.save_day()

    def _apply_to_reply(self, reply: Reply, fault: FaultRule) -> None:
        refused = reply.status != OK
        if refused and fault.http_status is not None:
            reply.status = fault.http_status
        match fault.kind:
            case FaultKind.REPLY_LOST:
                reply.lost = True
            case FaultKind.STATUS_HEADER_MISSING:
                del reply.headers[UPLOAD_STATUS]
            case FaultKind.HTML_BODY:
                reply.body = _HTML
                reply.headers["Content-Type"] = "text/html; charset=UTF-8"
            case FaultKind.SLOW_REPLY:
                reply.delay_s = self._simulator.fault_delay_s(fault)
            case _ if UPLOAD_STATUS in reply.headers and refused:
                reply.headers[UPLOAD_STATUS] = fault.upload_status
                if not fault.upload_status:
                    del reply.headers[UPLOAD_STATUS]

    def _note(self, call: Call, status: int) -> None:
        head = call.head
        self._simulator.log.add(
            time=self._simulator.clock.now(),
            method=head.method,
            path=head.path,
            route=call.route or "unknown",
            metered=call.route in self._simulator.quota.limits.metered,
            status=status,
            resource=call.resource,
            fault=call.fault.kind if call.fault else "",
            trace={name: head.headers[name] for name in TRACE_HEADERS if name in head.headers},
        )

    def _resource(self, names: Mapping[str, str]) -> str:
        if upload := self._simulator.uploads.table.get(names.get("upload_id", "")):
            return upload.file_name or upload.store
        if "id" in names:
            return f"{names['store']}/documents/{names['id']}"
        return names.get("name") or names.get("store", "")
