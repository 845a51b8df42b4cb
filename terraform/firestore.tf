module "firestore" {
  source = "./modules/firestore"

  project_id             = var.project_id
  name                   = local.name
  location               = coalesce(var.firestore_location, var.region)
  writers                = local.syncing
  readers                = merge({ status = module.status.member }, { for function in setintersection(local.functions, ["ask"]) : function => module.ask[0].member })
  deletion_protection    = var.deletion_protection
  point_in_time_recovery = var.point_in_time_recovery

  depends_on = [terraform_data.services]
}
