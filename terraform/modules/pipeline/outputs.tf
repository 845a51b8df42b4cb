output "triggers" {
  description = "Each trigger: as whom it runs, with which substitutions, on what, and whether it waits for approval."
  value = {
    for name, trigger in {
      check = google_cloudbuild_trigger.check
      plan  = google_cloudbuild_trigger.plan
      apply = google_cloudbuild_trigger.apply
    } :
    name => {
      service_account   = trigger.service_account
      substitutions     = trigger.substitutions
      approval_required = anytrue(trigger.approval_config[*].approval_required)
      on_push           = length(flatten(trigger.repository_event_config[*].push)) > 0
      on_pull_request   = length(flatten(trigger.repository_event_config[*].pull_request)) > 0
      on_message        = length(trigger.pubsub_config) > 0
      filename          = trigger.filename
      scripts           = { for step in flatten(trigger.build[*].step) : step.id => step.script }
    }
  }
}

output "roles" {
  description = "Permissions of each custom role."
  value       = { for key, role in google_project_iam_custom_role.this : key => role.permissions }
}

output "grants" {
  description = "All grants, as lines of: member, role, what it is granted on, and the condition if there is one."
  value = sort(concat(
    [for grant in google_project_iam_member.this : join(" ", concat([grant.member, grant.role, "project"], grant.condition[*].expression))],
    [for grant in google_storage_bucket_iam_member.this : join(" ", concat([grant.member, grant.role, grant.bucket], grant.condition[*].expression))],
    [for grant in google_cloudfunctions2_function_iam_member.deployer : "${grant.member} ${grant.role} ${grant.cloud_function}"],
    [for grant in google_cloud_run_v2_service_iam_member.deployer : "${grant.member} ${grant.role} ${grant.name}"],
    [for grant in google_cloud_tasks_queue_iam_member.deployer : "${grant.member} ${grant.role} ${grant.name}"],
    [for grant in google_service_account_iam_member.deployer_acts_as : "${grant.member} ${grant.role} ${grant.service_account_id}"],
    ["${google_service_account_iam_member.deployer_makes_tokens.member} ${google_service_account_iam_member.deployer_makes_tokens.role} ${google_service_account_iam_member.deployer_makes_tokens.service_account_id}"],
    ["${google_pubsub_topic_iam_member.planner_publishes.member} ${google_pubsub_topic_iam_member.planner_publishes.role} ${google_pubsub_topic_iam_member.planner_publishes.topic}"],
  ))
}
