##@ Drills
$(call arguments,NAME RESULTS)

stress: $(CHAMPION) $(call group,monitor) #- Plant named faults into live traffic: what each does to the champion, and which guard notices
	@$(RUN) extras.drills.stress

alarms: $(CHAMPION) $(call group,monitor docs) #- How often the monitor fires on clean days, and how soon it sees each drill (ten minutes)
	@$(RUN) extras.drills.alarms
	@$(RUN) docs.generate --tables

alarms-by-rows: $(CHAMPION) $(call group,monitor docs) #- How often the monitor fires on clean days with 45 to 900 rows a day (20 minutes)
	@$(RUN) extras.drills.alarms rows
	@$(RUN) docs.generate --tables

drill: $(call group,monitor) #- Practise a failure on a copy: damage, guard, way back; without NAME it lists the drills
	@$(RUN) extras.drills.run $(if $(value NAME),"$$NAME")

score-card: $(GROUPS) $(TOOLS) #- Run the tests marked for the ML Test Score, and add up its 28 checks
	@OMP_NUM_THREADS=1 $(RUN) extras.drills.score_card $(call option,RESULTS,results)
