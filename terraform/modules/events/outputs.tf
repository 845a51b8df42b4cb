output "member" {
  description = "The account that calls the dispatcher, as an IAM member."
  value       = google_service_account.events.member
}

output "email" {
  description = "The account's e-mail address."
  value       = google_service_account.events.email
}

output "account_id" {
  description = "The account's resource name."
  value       = google_service_account.events.name
}

output "owner_command" {
  description = "The command that the owner of the bucket runs, once; null if the notification is made here."
  value = var.bucket.managed ? null : join(" ", concat(
    [
      "gcloud storage buckets notifications create gs://${var.bucket.name}",
      "--topic=${google_pubsub_topic.changes.id}",
      "--event-types=${join(",", local.event_types)}",
      "--payload-format=none",
      "--skip-topic-setup",
    ],
    var.bucket.prefix == "" ? [] : ["--object-prefix='${replace(var.bucket.prefix, "'", "'\\''")}'"],
  ))
}

output "notification" {
  description = "What is told, of which objects; null if the owner of the bucket makes the notification."
  value = one([
    for made in google_storage_notification.this : {
      bucket  = made.bucket
      prefix  = made.object_name_prefix
      payload = made.payload_format
      events  = made.event_types
    }
  ])
}

output "push" {
  description = "Where changes are sent, as whom, and for how long."
  value = {
    endpoint  = google_pubsub_subscription.push.push_config[0].push_endpoint
    account   = google_pubsub_subscription.push.push_config[0].oidc_token[0].service_account_email
    audience  = google_pubsub_subscription.push.push_config[0].oidc_token[0].audience
    retention = google_pubsub_subscription.push.message_retention_duration
    expires   = google_pubsub_subscription.push.expiration_policy[0].ttl != ""
  }
}

output "grants" {
  description = "Who may do what, on which topic."
  value = [{
    member = google_pubsub_topic_iam_member.publishes.member
    role   = google_pubsub_topic_iam_member.publishes.role
    on     = google_pubsub_topic_iam_member.publishes.topic
  }]
}
