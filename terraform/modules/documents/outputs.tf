output "name" {
  description = "Name of the bucket. Who uses it waits for the bucket and for the grants on it."
  value       = var.name

  depends_on = [
    google_storage_bucket.this,
    google_storage_bucket_iam_member.reads,
    google_project_iam_member.uses_billing_project,
  ]
}

output "grants" {
  description = "Who may do what, on which bucket or project."
  value = [
    for grant in concat(values(google_storage_bucket_iam_member.reads), values(google_project_iam_member.uses_billing_project)) :
    { member = grant.member, role = grant.role, on = try(grant.bucket, grant.project) }
  ]
}

output "created" {
  description = "How a bucket that was created is kept; null for an existing one."
  value = one([
    for bucket in google_storage_bucket.this : {
      uniform_access           = bucket.uniform_bucket_level_access
      public_access_prevention = bucket.public_access_prevention
      force_destroy            = bucket.force_destroy
    }
  ])
}
