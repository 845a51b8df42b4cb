output "deployer_member" {
  description = "The account that applies and makes the smoke test's calls, as an IAM member."
  value       = google_service_account.deployer.member
}

output "triggers" {
  description = "Each trigger: as whom it runs, with which substitutions, on what, and whether it waits for approval."
  value = {
    for name, trigger in google_cloudbuild_trigger.this : name => {
      service_account   = trigger.service_account
      substitutions     = trigger.substitutions
      approval_required = one(trigger.approval_config[*].approval_required)
      on_push           = length(trigger.repository_event_config[0].push) > 0
      on_pull_request   = length(trigger.repository_event_config[0].pull_request) > 0
    }
  }
}

output "roles" {
  description = "Roles of the two accounts in the project."
  value = {
    for member in ["planner", "deployer"] :
    member => [for key, grant in google_project_iam_member.this : grant.role if startswith(key, member)]
  }
}
