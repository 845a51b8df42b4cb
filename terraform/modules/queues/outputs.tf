output "names" {
  description = "Name of each queue. Who uses it waits for the grants on it."
  value       = { for key, queue in google_cloud_tasks_queue.this : key => queue.name }

  depends_on = [google_cloud_tasks_queue_iam_member.this]
}

output "account" {
  description = "The account as which Cloud Tasks calls the functions: its full name, address and IAM member. Who uses it waits until it may be used."
  value = {
    name   = google_service_account.tasks.name
    email  = google_service_account.tasks.email
    member = google_service_account.tasks.member
  }

  depends_on = [google_service_account_iam_member.acts_as_tasks]
}

output "limits" {
  description = "Dispatches per second, and dispatches at once, of each queue."
  value = {
    for key, queue in google_cloud_tasks_queue.this : key => {
      rate       = queue.rate_limits[0].max_dispatches_per_second
      concurrent = queue.rate_limits[0].max_concurrent_dispatches
    }
  }
}

output "grants" {
  description = "Who may do what, on which queue or account."
  value = concat(
    [for grant in google_cloud_tasks_queue_iam_member.this : { member = grant.member, role = grant.role, on = grant.name }],
    [for grant in google_service_account_iam_member.acts_as_tasks : { member = grant.member, role = grant.role, on = grant.service_account_id }],
  )
}
