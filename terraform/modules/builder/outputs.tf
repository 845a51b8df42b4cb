output "build" {
  description = "What a function needs to be built: the bucket of the packages, the repository of the images, and the builder's account. Who uses it waits for the grants of the builder and of the service agent."
  value = {
    bucket          = google_storage_bucket.packages.name
    repository      = google_artifact_registry_repository.images.id
    service_account = google_service_account.build.id
  }

  depends_on = [
    google_storage_bucket_iam_member.build_reads_packages,
    google_project_iam_member.build_reads_sources,
    google_artifact_registry_repository_iam_member.build_writes_images,
    google_artifact_registry_repository_iam_member.agent_reads_images,
    google_project_iam_member.build_writes_logs,
  ]
}

output "packages" {
  description = "The object of each function's zip, named by its sha256."
  value       = { for function, package in google_storage_bucket_object.package : function => package.name }
}

output "service_account_id" {
  description = "Full name of the builder's account."
  value       = google_service_account.build.name
}

output "grants" {
  description = "What the builder and the service agent of Cloud Functions may do, on what, under which condition."
  value = concat(
    [{ member = google_storage_bucket_iam_member.build_reads_packages.member, role = google_storage_bucket_iam_member.build_reads_packages.role, on = google_storage_bucket_iam_member.build_reads_packages.bucket, condition = null }],
    [
      for grant in [google_artifact_registry_repository_iam_member.build_writes_images, google_artifact_registry_repository_iam_member.agent_reads_images] :
      { member = grant.member, role = grant.role, on = google_artifact_registry_repository.images.repository_id, condition = null }
    ],
    [
      for grant in [google_project_iam_member.build_reads_sources, google_project_iam_member.build_writes_logs] :
      { member = grant.member, role = grant.role, on = grant.project, condition = one(grant.condition[*].expression) }
    ],
  )
}
