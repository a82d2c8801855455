##@ Drills

stress: $(CHAMPION) ## Plant named faults into live traffic: what each does to the champion, and which guard notices
	@$(RUN) extras.drills.stress

alarms: $(CHAMPION) ## How often the monitor cries wolf on clean days, and how soon it sees each drill (ten minutes)
	@$(RUN) extras.drills.alarms
	@$(RUN) docs.generate --tables

drill: $(INSTALLED) ## Practise a failure on a copy: damage, guard, way back; without NAME it lists the drills
	@$(RUN) extras.drills.run $(NAME)

score-card: $(INSTALLED) ## Run the tests that are marked for the ML Test Score, and add up its 28 checks
	@OMP_NUM_THREADS=1 $(RUN) extras.drills.score_card
