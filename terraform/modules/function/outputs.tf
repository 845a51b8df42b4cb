output "member" {
  description = "The function's service account, as an IAM member."
  value       = google_service_account.this.member
}

output "service_account_id" {
  description = "Full name of the function's service account."
  value       = google_service_account.this.name
}

output "function" {
  description = "The function, with all its attributes."
  value       = google_cloudfunctions2_function.this
}

output "invokers" {
  description = "Who may call the function, on both APIs."
  value = {
    run       = google_cloud_run_v2_service_iam_binding.invokers.members
    functions = google_cloudfunctions2_function_iam_binding.invokers.members
  }
}

output "readable_secrets" {
  description = "Secrets that the function's service account may read."
  value       = { for name, grant in google_secret_manager_secret_iam_member.this : name => grant.secret_id }
}
