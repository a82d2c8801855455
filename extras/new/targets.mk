##@ A project of your own
$(call arguments,NAME QUERY TIME TARGET KEY GROUP ZONE BEFORE DELAY_DAYS DEST EXTRAS $(if $(filter new,$(MAKECMDGOALS)),FROM))

new: $(call group,lint) $(if $(findstring postgres,$(value FROM)),$(call group,postgres)) ## Write a project from a table: NAME=churn FROM=customers.csv TIME=signed_up_at TARGET=churned
	@$(RUN) extras.new.create $(call option,NAME,name) $(call option,FROM,from) $(call option,TIME,time) $(call option,TARGET,target) \
	  $(call option,KEY,key) $(call option,GROUP,group) $(call option,ZONE,zone) $(call option,BEFORE,before) \
	  $(call option,DELAY_DAYS,delay-days) $(call option,DEST,dest) $(call option,QUERY,query) $(call option,EXTRAS,extras)
