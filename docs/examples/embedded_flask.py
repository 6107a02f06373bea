"""Resumable uploads in a Flask app, sent as forms, with an embedded receiver behind them.

Start it; it prints its address and the token that its routes ask for:

    python docs/examples/embedded_flask.py --port 5000 --data uploads

Then, in a shell, with SITE and TOKEN set to these (and python3 to read the JSON):

    AUTH="Authorization: Bearer $TOKEN"
    curl -sSf -H "$AUTH" $SITE/uploads -F filename=big.bin -F total_size=$(stat -c %s big.bin) > started.json
    ID=$(python3 -c 'import json; print(json.load(open("started.json"))["upload_id"])')

    # chunk_size in started.json says how to cut it: 1 MiB up to a file of 8 GiB
    split -b 1M -d -a 5 big.bin chunk.
    for PART in chunk.*; do
        N=$(expr ${PART#chunk.} + 0) || true  # expr calls 0 a failure
        SUM=$(sha256sum < $PART | cut -c -64)
        curl -sSf -H "$AUTH" $SITE/uploads/$ID/chunks -F number=$N -F hash=$SUM -F chunk=@$PART
    done

    # after a break: which chunks are missing
    curl -sSf -H "$AUTH" $SITE/uploads/$ID/resume
    curl -sSf -H "$AUTH" $SITE/uploads/$ID
    curl -sSf -H "$AUTH" $SITE/statistics

A receiver works on its folder in one process. Under gunicorn: one worker with many threads, and no
--preload, as threads do not survive a fork.
"""

from __future__ import annotations

import argparse
import hmac
import secrets
import signal
import sys

from flask import Blueprint, Flask, current_app, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.serving import make_server

from howdah_receiver import EmbeddedReceiver
from howdah_receiver.embedded import UploadError

uploads = Blueprint("uploads", __name__)


def receiver() -> EmbeddedReceiver:
    found = current_app.extensions["howdah_receiver"]
    assert isinstance(found, EmbeddedReceiver)
    return found


@uploads.before_request
def check_who_asks() -> ResponseReturnValue | None:
    """Put your own sign-in here: the face does what it is told, whoever asked."""
    given = request.headers.get("Authorization", "")
    if hmac.compare_digest(given.encode(), f"Bearer {current_app.config['TOKEN']}".encode()):
        return None
    return {"code": "not_signed_in", "sentence": "This needs the token."}, 401


@uploads.errorhandler(UploadError)
def tell(error: UploadError) -> ResponseReturnValue:
    told = {"code": error.code, "sentence": error.sentence, "remedy": error.remedy}
    return told | error.extra, error.status


@uploads.post("/uploads")
def start() -> ResponseReturnValue:
    form = request.form
    started = receiver().start_upload(
        form["filename"],
        form.get("total_size", -1, type=int),
        {"user agent": request.headers.get("User-Agent", "")},
        client_id=form.get("client_id"),
    )
    return started.as_dict(), 201


@uploads.post("/uploads/<upload_id>/chunks")
def chunk(upload_id: str) -> ResponseReturnValue:
    # Flask has put a large file of a form on the disk: it is read from there, block by block.
    received = receiver().upload_chunk(
        upload_id,
        request.form.get("number", -1, type=int),
        request.files["chunk"].stream,
        request.form.get("hash"),
    )
    return received.as_dict()


@uploads.get("/uploads/<upload_id>/resume")
def resume(upload_id: str) -> ResponseReturnValue:
    return receiver().resume_upload(upload_id).as_dict()


@uploads.get("/uploads/<upload_id>")
def status(upload_id: str) -> ResponseReturnValue:
    return receiver().get_status(upload_id).as_dict()


@uploads.delete("/uploads/<upload_id>")
def cancel(upload_id: str) -> ResponseReturnValue:
    return receiver().cancel_upload(upload_id).as_dict()


@uploads.get("/uploads")
def active() -> ResponseReturnValue:
    return jsonify([upload.as_dict() for upload in receiver().active_uploads()])


@uploads.get("/uploads/<upload_id>/chunks/<int:number>/verify")
def verify(upload_id: str, number: int) -> ResponseReturnValue:
    return receiver().verify_chunk(upload_id, number, request.args.get("hash")).as_dict()


@uploads.get("/statistics")
def statistics() -> ResponseReturnValue:
    return receiver().get_statistics().as_dict()


def create_app(receiver: EmbeddedReceiver, token: str) -> Flask:
    app = Flask(__name__)
    app.extensions["howdah_receiver"] = receiver
    app.config["TOKEN"] = token
    app.register_blueprint(uploads)
    return app


def main() -> None:
    options = argparse.ArgumentParser(description="Resumable uploads in a Flask app.")
    options.add_argument("--port", type=int, default=5000, help="0: a free one")
    options.add_argument("--data", default="uploads", help="the receiver's folder")
    options.add_argument("--token", default=secrets.token_urlsafe(16))
    chosen = options.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # leave the block below in good order
    with EmbeddedReceiver(chosen.data, folder="from the web") as receiver:
        # Flask's own server, with a thread for each request. For more than a try-out: see above.
        app = create_app(receiver, chosen.token)
        server = make_server("127.0.0.1", chosen.port, app, threaded=True)
        print(f"http://127.0.0.1:{server.port}", flush=True)
        print(f"token {chosen.token}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
