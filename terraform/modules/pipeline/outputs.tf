output "deployer_member" {
  description = "The account that applies and makes the smoke test's calls, as an IAM member."
  value       = google_service_account.deployer.member
}

output "triggers" {
  description = "The triggers, with all their attributes."
  value       = google_cloudbuild_trigger.this
}

output "roles" {
  description = "Roles of the two accounts in the project."
  value = {
    for member in ["planner", "deployer"] :
    member => [for key, grant in google_project_iam_member.this : grant.role if startswith(key, member)]
  }
}
