/** Words that people use for one another, a line for each group; everyday language only. */
const groups = `
job work occupation profession career employment
boss manager supervisor
colleague coworker teammate
hire recruit employ
fire sack dismiss
quit resign
salary pay wage income
meeting appointment
company firm business employer
start begin launch
stop quit cease end finish
buy purchase get
sell sale
cost price expense
money cash fund finance
gift present
house home apartment flat place
move relocate
live reside
rent lease
garden yard
kitchen cook
meal dinner lunch breakfast supper food
dish meal recipe
dessert sweet cake
drink beverage
restaurant cafe diner eatery
vegetarian vegan meat
allergy allergic intolerance
favorite favourite prefer preferred like love
like enjoy love fond
dislike hate detest
hobby pastime interest
fun enjoyment
relax unwind destress
kid child son daughter
baby infant newborn
mother mom mum mama
father dad papa
parent mother father mom dad
grandmother grandma granny
grandfather grandpa
brother sister sibling
uncle aunt relative
family relative
husband wife spouse partner
boyfriend girlfriend partner
marry wedding marriage married
engaged engagement fiance fiancee propose
divorce separate split breakup
friend buddy pal mate
neighbor neighbour
pet dog cat animal
dog puppy
cat kitten
bird parrot
vehicle car truck automobile
car automobile vehicle drive
bike bicycle cycling cycle
motorcycle motorbike
bus train transit
trip travel journey vacation holiday visit tour
vacation holiday getaway
visit go travel
hike hiking trek trail walk
camp camping tent
beach sea ocean coast shore
mountain hill peak
lake pond
forest woods
city town
country nation
abroad overseas
flight fly plane airplane
hotel hostel inn
photo photograph picture image snapshot
camera photograph
movie film cinema
show series program
book novel read
author writer
write author
song music track tune
concert gig show performance
band group
instrument guitar piano violin drum
sing singer vocal
dance dancing
art painting drawing artwork
paint painting
draw sketch drawing
sculpture pottery ceramic clay
craft handmade
sport exercise
exercise workout gym fitness train
run jog race marathon
swim swimming pool
soccer football
match game tournament
win victory prize award
award prize honor trophy
lose defeat
team squad club
coach trainer
school college university
college university
student pupil
teacher instructor tutor professor
teach instruct educate
learn study
study degree major course
course class lesson
class course lesson workshop
exam test
graduate graduation diploma degree
doctor physician medical
hospital clinic
nurse caregiver
sick ill unwell
illness disease sickness condition
disease condition diagnosis
injury hurt injured wound
pain ache
medicine medication drug pill
therapy counseling treatment
therapist counselor psychologist
stress anxiety pressure
anxious nervous worried
sad unhappy upset
happy glad joyful pleased delighted
angry mad furious
afraid scared fear fearful
excited thrilled
proud pride
tired exhausted weary
support help encourage
help assist aid support
charity volunteer donate nonprofit
volunteer help
donate give
community neighborhood
church faith religion religious
pray prayer
party celebration
celebrate party
birthday born
festival fair
conference convention summit
speech talk presentation
talk speak chat discuss
discuss talk
call phone
phone mobile smartphone cellphone
computer laptop pc
laptop notebook computer
website site web
app application
software program
bug defect
code program
error failure
fix repair mend
break broken damage
build make construct create
make create
create make design
design plan
plan intend goal
goal aim dream ambition
want wish hope
decide choose decision
choose pick select
change switch
switch change replace
idea thought
problem issue trouble challenge
challenge difficulty obstacle
reason why cause
important significant meaningful
big large huge
small little tiny
new recent
old ancient
beautiful pretty gorgeous
color colour
clothes clothing outfit dress
shoe sneaker boot
jewelry necklace ring bracelet
grow plant
plant flower garden
flower rose bloom
tree oak pine
weather climate
rain storm
snow winter
fire blaze
accident crash
police officer
lawyer attorney
army military soldier
war conflict
government politics
vote election
tax taxes
bank loan
save saving
debt loan
insurance cover
apply application
accept approve
reject refuse decline
cancel postpone
delay late
win won
open launch
shop store
market store
sleep rest
wake morning
evening night
name called
identity gender transgender
origin hometown
language speak
age old
height tall
adopt adoption
pregnant expecting pregnancy
retire retirement
member join
join enroll
attend go
meet encounter
introduce meet
invite invitation
lend borrow
find discover
lose lost misplace
keep hold
receive get
send mail
bring take
teach taught
remember recall
forget forgot
tell say mention
suggest recommend advise
recommend suggest
promise vow
try attempt
succeed success
fail failure
perform performance
compete competition contest
competition contest tournament
collect collection
inspire inspiration motivate
motivate motivation
realize realise understand
organize organise arrange
research investigate study
discover find
watch see
listen hear
wear dress
bake cake bread
coffee tea
wine beer alcohol
smoke cigarette
diet nutrition
weight lose
clean tidy
furniture table chair sofa
room bedroom
roommate flatmate housemate
landlord tenant
key lock
database postgres mysql sqlite
deploy deployment release
server host
framework library
editor ide vim
`

// The endings of English words that are mostly one word.
const bare = (word: string): string =>
  word.length > 4 && word.endsWith("ies")
    ? `${word.slice(0, -3)}y`
    : word.length > 3 && word.endsWith("s") && !word.endsWith("ss")
      ? word.slice(0, -1)
      : word

const others = new Map<string, Set<string>>()
for (const group of groups.trim().split("\n")) {
  const words = group.split(" ")
  for (const word of words) {
    const known = others.get(bare(word)) ?? new Set()
    for (const other of words) if (other !== word) known.add(other)
    others.set(bare(word), known)
  }
}

const stems = (word: string): ReadonlyArray<string> => {
  const stem = /^(.{3,})(?:ing|ed|er|ers|d)$/.exec(word)?.[1]
  if (stem === undefined) return [bare(word)]
  return [bare(word), stem, `${stem}e`, stem.replace(/(.)\1$/, "$1")]
}

/** What else somebody may have called it. */
export const synonymsOf = (word: string): ReadonlyArray<string> => {
  for (const stem of stems(word)) {
    const found = others.get(stem)
    if (found !== undefined) return [...found]
  }
  return []
}
