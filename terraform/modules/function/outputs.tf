output "member" {
  description = "The function's service account, as an IAM member."
  value       = google_service_account.this.member
}

output "service_account_id" {
  description = "Full name of the function's service account."
  value       = google_service_account.this.name
}

output "name" {
  description = "The function's name, which is its Cloud Run service's too."
  value       = google_cloudfunctions2_function.this.name
}

output "service" {
  description = "How the function runs: as whom, reached from where, within which limits, and what it is told."
  value = one([
    for config in google_cloudfunctions2_function.this.service_config : {
      service_account = config.service_account_email
      ingress         = config.ingress_settings
      timeout_seconds = config.timeout_seconds
      max_instances   = config.max_instance_count
      cpu             = config.available_cpu
      memory          = config.available_memory
      concurrency     = config.max_instance_request_concurrency
      environment     = config.environment_variables
      secrets         = { for secret in config.secret_environment_variables : secret.key => secret.version }
    }
  ])
}

output "build" {
  description = "Who builds the function, the object it is built from, and what the build is told."
  value = {
    environment     = google_cloudfunctions2_function.this.build_config[0].environment_variables
    service_account = google_cloudfunctions2_function.this.build_config[0].service_account
    object          = google_cloudfunctions2_function.this.build_config[0].source[0].storage_source[0].object
  }
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

output "observers" {
  description = "Who may see how the service is configured, by role."
  value       = { for binding in google_cloud_run_v2_service_iam_binding.observers : binding.role => binding.members }
}
