# Notifications of the bucket, pushed to the dispatcher's POST /events with a token of their own account.

locals {
  # Each of them may change what a sync finds. OBJECT_ARCHIVE: a deletion in a bucket with versions.
  event_types = ["OBJECT_FINALIZE", "OBJECT_DELETE", "OBJECT_ARCHIVE", "OBJECT_METADATA_UPDATE"]
}

# Pub/Sub calls the dispatcher as this account.
resource "google_service_account" "events" {
  account_id   = "${var.name}-events"
  display_name = "Tells ${var.name} of changes in the bucket"
}

resource "google_pubsub_topic" "changes" {
  # checkov:skip=CKV_GCP_83: messages hold names of objects, as the logs do, and no content
  name = "${var.name}-changes"
}

resource "google_pubsub_topic_iam_member" "publishes" {
  topic  = google_pubsub_topic.changes.name
  role   = "roles/pubsub.publisher"
  member = "serviceAccount:${var.publisher}"
}

resource "google_pubsub_subscription" "push" {
  name                       = "${var.name}-changes"
  topic                      = google_pubsub_topic.changes.id
  ack_deadline_seconds       = 60      # a cold start takes some of it
  message_retention_duration = "3600s" # older changes are left to the schedule

  push_config {
    push_endpoint = "${var.dispatcher_url}/events"

    oidc_token {
      service_account_email = google_service_account.events.email
      audience              = var.dispatcher_url
    }
  }

  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }

  expiration_policy {
    ttl = "" # never, however long nothing changes
  }
}

resource "google_storage_notification" "this" {
  count = var.bucket.managed ? 1 : 0

  bucket             = var.bucket.name
  object_name_prefix = var.bucket.prefix == "" ? null : var.bucket.prefix
  payload_format     = "NONE" # the attributes name bucket and object, and nothing else is read
  topic              = google_pubsub_topic.changes.id
  event_types        = local.event_types

  depends_on = [google_pubsub_topic_iam_member.publishes]
}
