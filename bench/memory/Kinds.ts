/** Something that people tell of themselves. `{x}` is what differs, `{t}` when it was, `{n}` who asks about whom. */
export interface Kind {
  /** How it is told. */
  readonly say: ReadonlyArray<string>
  readonly values: ReadonlyArray<string>
  /** Asked with some of the words that it was told in. */
  readonly near: string
  /** Asked in other words than it was told in. */
  readonly ask: ReadonlyArray<string>
  /** Asked for its time; none where it has none. */
  readonly when?: ReadonlyArray<string>
  /** How the other one asks for it in the conversation; the answer is then only the value. */
  readonly prompt?: string
  /** Asked for all values at once; they are then told in several places. */
  readonly all?: string
}

/** What is said of nothing. */
export const small: ReadonlyArray<string> = [
  "That sounds wonderful, I'm so glad to hear it!",
  "Thanks! It really means a lot to me.",
  "Wow, tell me more about that.",
  "I know exactly how you feel.",
  "Haha, that's so true.",
  "It has been a long week, but I'm hanging in there.",
  "You always know what to say.",
  "I've been meaning to ask you how things are going.",
  "Life has been busy lately, but good.",
  "Take care of yourself, okay?",
  "Sounds like you had a great time!",
  "I can't wait to catch up properly.",
  "That must have taken a lot of courage.",
  "The weather here has been all over the place.",
  "Let me know how it turns out.",
  "Good luck, I'm rooting for you!",
  "I totally agree with you on that.",
  "Sorry for the late reply, it was a hectic day.",
  "What a lovely surprise that must have been.",
  "We should do this more often.",
  "I'm proud of you, keep going.",
  "No worries at all, I understand.",
  "That reminds me of when we were younger.",
  "Some days are harder than others, you know.",
  "Any plans for the weekend?",
  "Not much, just taking it easy at home.",
  "I needed to hear that today.",
  "It's amazing how time flies.",
  "I hope the rest of your day goes well.",
  "Talk to you soon!"
]

/** The kinds that search was tuned with. */
export const tuned: ReadonlyArray<Kind> = [
  {
    say: [
      "I adopted a {x} from the shelter {t}, and the little one already runs the house.",
      "We brought home a rescue {x} {t}!"
    ],
    values: ["beagle", "tabby", "greyhound", "parakeet", "rabbit"],
    near: "What kind of animal did {n} adopt from the shelter?",
    ask: ["What pet does {n} have?", "Which animal did {n} take in?"],
    when: ["When did {n} get the {x}?"],
    prompt: "What kind of animal did you end up adopting?",
    all: "Which pets does {n} have?"
  },
  {
    say: ["I started working as a {x} {t}.", "{t} was my first day as a {x}, I was so nervous."],
    values: ["paralegal", "pastry chef", "welder", "librarian", "paramedic"],
    near: "As what did {n} start working?",
    ask: ["What does {n} do for a living?", "What is {n}'s occupation?"],
    when: ["When did {n} begin the new job?"],
    prompt: "So what is the new job?"
  },
  {
    say: ["I moved to {x} {t}, the boxes are still everywhere.", "{t} I finally relocated to {x}."],
    values: ["Lisbon", "Duluth", "Sheffield", "Tucson", "Bergen"],
    near: "Which city did {n} move to?",
    ask: ["Where does {n} live now?", "Which city is {n}'s new home in?"],
    when: ["When did {n} move house?"],
    prompt: "Which city did you settle on in the end?"
  },
  {
    say: ["I ran the {x} {t} and my legs are still sore.", "{t} I finished the {x}, a personal best!"],
    values: ["harbor marathon", "half marathon for charity", "ten mile river race", "mountain relay"],
    near: "Which race did {n} run?",
    ask: ["Which race did {n} take part in?", "What running event did {n} complete?"],
    when: ["When was {n}'s race?"],
    prompt: "Which race did you sign up for?",
    all: "What races has {n} run?"
  },
  {
    say: ["My doctor says I'm allergic to {x}, found out {t}.", "Turns out {x} give me hives, I got tested {t}."],
    values: ["shellfish", "cashews", "strawberries", "penicillin"],
    near: "What is {n} allergic to?",
    ask: ["What must {n} avoid for health reasons?", "Which allergy was {n} diagnosed with?"],
    when: ["When did {n} learn of the allergy?"]
  },
  {
    say: [
      "I've been learning to play the {x}, my fingers hurt.",
      "Bought myself a used {x} {t}, the neighbours hate me already."
    ],
    values: ["cello", "banjo", "accordion", "clarinet", "harp"],
    near: "Which instrument is {n} learning to play?",
    ask: ["Which musical instrument does {n} practise?", "What instrument is {n} studying?"],
    prompt: "What instrument did you pick up?",
    all: "Which instruments can {n} play?"
  },
  {
    say: [
      "My sister {x} got married {t}, I cried the entire ceremony.",
      "{t} was {x}'s wedding, my sister looked stunning."
    ],
    values: ["Petra", "Odile", "Simone", "Ingrid"],
    near: "What is the name of {n}'s sister who got married?",
    ask: ["Who is {n}'s sibling?", "Whose marriage did {n} celebrate?"],
    when: ["When did {n}'s sister tie the knot?"]
  },
  {
    say: ["We went camping at {x} {t} and saw so many stars.", "{t} we pitched our tent by {x}."],
    values: ["Lake Orrin", "Cedar Ridge", "Falcon Bay", "Mount Hale"],
    near: "Where did {n} go camping?",
    ask: ["Where did {n} sleep outdoors?", "At which spot did {n} spend a night in nature?"],
    when: ["When did {n} go on the camping trip?"],
    all: "Where has {n} camped?"
  },
  {
    say: ["I've been reading {x}, I can't put it down.", "Just finished {x} {t}, what an ending!"],
    values: ["The Glass Orchard", "Salt and Ember", "A Quiet Meridian", "The Last Cartographer"],
    near: "What has {n} been reading?",
    ask: ["Which novel did {n} enjoy?", "What book was {n} absorbed in?"],
    prompt: "What are you reading these days?",
    all: "What books has {n} read?"
  },
  {
    say: ["I volunteer at the {x} every Saturday now.", "{t} I started helping out at the {x}."],
    values: ["food bank", "hospice", "wildlife sanctuary", "homeless shelter"],
    near: "Where does {n} volunteer on Saturdays?",
    ask: ["Where does {n} do unpaid work?", "Which charity does {n} support with time?"],
    when: ["When did {n} begin to volunteer?"],
    prompt: "Where are you volunteering?"
  },
  {
    say: [
      "My old {x} broke down on the highway {t}, had to be towed.",
      "The {x} died on me {t}, right in the middle of traffic."
    ],
    values: ["Volvo", "pickup", "scooter", "van"],
    near: "What broke down on {n} in traffic?",
    ask: ["What vehicle does {n} own?", "What happened to {n}'s car?"],
    when: ["When did {n}'s vehicle fail?"]
  },
  {
    say: ["I'm taking a {x} class at the community college.", "Signed up for a {x} workshop {t}."],
    values: ["pottery", "welding", "creative writing", "salsa dancing", "beekeeping"],
    near: "Which class did {n} sign up for?",
    ask: ["What course does {n} attend?", "What new skill is {n} being taught?"],
    when: ["When did {n} enroll in the course?"],
    prompt: "What was the class you signed up for?",
    all: "Which courses has {n} taken?"
  },
  {
    say: ["I won {x} {t}, my parents framed the certificate!", "Guess who took home {x} {t}? Me!"],
    values: ["the regional chess cup", "a baking ribbon", "the short story contest", "a photography medal"],
    near: "What did {n} win?",
    ask: ["Which prize did {n} receive?", "What award was {n} given?"],
    when: ["When was {n} honoured with the prize?"],
    all: "What awards has {n} received?"
  },
  {
    say: ["My therapist suggested {x} to calm down, it helps.", "Whenever it gets too much I do some {x}."],
    values: ["watercolors", "breathing exercises", "long baths", "knitting"],
    near: "What did the therapist suggest to {n}?",
    ask: ["How does {n} cope with stress?", "What does {n} do to relax?"],
    prompt: "What helps you unwind?",
    all: "What does {n} do against stress?"
  },
  {
    say: ["I broke my {x} falling off a ladder {t}.", "Slipped on the ice {t} and fractured my {x}."],
    values: ["wrist", "ankle", "collarbone", "elbow"],
    near: "What did {n} break on the ice or the ladder?",
    ask: ["What injury did {n} suffer?", "Which part of the body did {n} hurt?"],
    when: ["When did {n} have the accident?"]
  },
  {
    say: ["My dream is to open a {x} one day.", "I keep saving, someday there'll be a {x} with my name on the door."],
    values: ["bookshop", "vegan bakery", "dance studio", "bike repair shop"],
    near: "What does {n} dream of opening one day?",
    ask: ["What business does {n} want to start?", "What is {n}'s ambition for the future?"]
  },
  {
    say: [
      "My grandmother gave me this {x}, it came with her from {x2}.",
      "This {x} was my grandma's, she carried it all the way from {x2}."
    ],
    values: ["locket", "quilt", "silver comb", "prayer book"],
    near: "What did {n} get from the grandmother?",
    ask: ["What family heirloom does {n} keep?", "Which gift did {n} get from an older relative?"]
  }
]

/** Kinds that search was not tuned with. */
export const unseen: ReadonlyArray<Kind> = [
  {
    say: ["I signed the lease for a {x} {t}, finally my own front door.", "{t} they handed me the keys to the {x}."],
    values: ["loft downtown", "cottage by the canal", "studio above the bakery", "basement flat"],
    near: "For what kind of place did {n} sign the lease?",
    ask: ["What sort of home does {n} rent?", "Which accommodation did {n} find?"],
    when: ["When did {n} get the keys?"],
    prompt: "What kind of place did you find?"
  },
  {
    say: ["My boss promoted me to {x} {t}!", "I'm {x} now, the announcement went out {t}."],
    values: ["team lead", "head of procurement", "shift supervisor", "senior editor"],
    near: "To what was {n} promoted by the boss?",
    ask: ["What position does {n} hold at work?", "How did {n}'s career advance?"],
    when: ["When was {n} promoted?"]
  },
  {
    say: ["The twins were born {t}, {x}!", "{t} I became a parent of {x}."],
    values: ["two girls", "two boys", "a boy and a girl"],
    near: "Which twins did {n} have?",
    ask: ["What children does {n} have?", "What are {n}'s kids?"],
    when: ["When did {n}'s babies arrive?"]
  },
  {
    say: [
      "We flew to {x} {t} and ate our way through every market.",
      "{t} we got back from {x}, I want to return already."
    ],
    values: ["Oaxaca", "Tbilisi", "Hanoi", "Marrakesh", "Palermo"],
    near: "Where did {n} fly to?",
    ask: ["Where did {n} go on vacation?", "Which destination did {n} travel to?"],
    when: ["When was {n}'s trip abroad?"],
    prompt: "Where did you two go for your anniversary?",
    all: "Which places has {n} visited?"
  },
  {
    say: ["I quit {x} {t}, wish me luck.", "It's been tough, but {t} I gave up {x} for good."],
    values: ["smoking", "coffee", "social media", "sugar"],
    near: "What did {n} quit for good?",
    ask: ["Which habit did {n} drop?", "What does {n} no longer do?"],
    when: ["When did {n} stop the habit?"]
  },
  {
    say: ["I planted {x} behind the house {t}.", "{t} I put the {x} in the ground, let's see if they survive."],
    values: ["dahlias", "tomatoes", "a pear tree", "lavender"],
    near: "What did {n} plant behind the house?",
    ask: ["What grows in {n}'s garden?", "What is {n} cultivating?"],
    when: ["When did {n} do the planting?"],
    all: "What does {n} grow?"
  },
  {
    say: ["Saw {x} live {t}, I lost my voice from screaming.", "{t} we had front row seats for {x}."],
    values: ["The Velvet Foxes", "Marlow Quartet", "DJ Saffron", "the city philharmonic"],
    near: "Who did {n} see live?",
    ask: ["Which concert did {n} attend?", "Whose gig did {n} watch?"],
    when: ["When did {n} go to the show?"],
    prompt: "Who did you see play?",
    all: "Which bands has {n} heard on stage?"
  },
  {
    say: ["My laptop was stolen at the {x} {t}.", "Somebody took my computer at the {x} {t}, I'm devastated."],
    values: ["airport", "library", "train station", "gym"],
    near: "Where was {n}'s laptop stolen?",
    ask: ["Where did the thief strike {n}?", "What crime happened to {n}?"],
    when: ["When was {n} robbed?"]
  },
  {
    say: ["I cook {x} every Sunday for the whole street.", "People keep asking for my {x}, it's my mother's recipe."],
    values: ["lamb stew", "pierogi", "jambalaya", "mushroom risotto"],
    near: "What does {n} cook on Sundays?",
    ask: ["What dish is {n} known for?", "Which meal does {n} prepare for others?"],
    prompt: "What are you making?",
    all: "Which dishes does {n} cook?"
  },
  {
    say: ["I've been going to {x} twice a week, my back thanks me.", "{t} I joined a {x} group."],
    values: ["pilates", "climbing", "rowing", "tai chi"],
    near: "What group did {n} join for the back?",
    ask: ["How does {n} keep fit?", "Which sport does {n} do?"],
    when: ["When did {n} take up the sport?"],
    prompt: "What do you do to stay in shape?",
    all: "Which sports does {n} practise?"
  },
  {
    say: [
      "My brother {x} came out to our parents {t}, they took it well.",
      "So proud of {x}, my little brother told everyone the truth {t}."
    ],
    values: ["Mateo", "Lennart", "Idris", "Callum"],
    near: "Which brother of {n} told the parents the truth?",
    ask: ["What is the name of {n}'s brother?", "Which sibling makes {n} proud?"],
    when: ["When did {n}'s brother speak to the family?"]
  },
  {
    say: ["I'm writing my thesis about {x}.", "My supervisor approved the topic {t}: {x}."],
    values: ["coral bleaching", "medieval trade routes", "sign language", "urban bees"],
    near: "What is {n}'s thesis about?",
    ask: ["What does {n} research at university?", "What is the subject of {n}'s studies?"],
    when: ["When was {n}'s topic accepted?"]
  },
  {
    say: [
      "Our company is switching to {x}, the migration starts {t}.",
      "{t} the team decided to rewrite everything in {x}."
    ],
    values: ["Rust", "Elixir", "PostgreSQL", "Kubernetes"],
    near: "To what is {n}'s company switching?",
    ask: ["Which technology did {n}'s firm choose?", "What will the software at {n}'s employer be built with?"],
    when: ["When did {n}'s team make the technical decision?"]
  },
  {
    say: ["I donated {x} to the refugee centre {t}.", "{t} we dropped off {x} at the refugee centre."],
    values: ["winter coats", "children's toys", "an old stroller", "canned food"],
    near: "What did {n} donate to the refugee centre?",
    ask: ["What did {n} give away?", "How did {n} help the refugees?"],
    when: ["When did {n} make the donation?"]
  },
  {
    say: ["The doctors found {x} {t}, but it's treatable.", "I was told {t} that I have {x}."],
    values: ["diabetes", "a thyroid problem", "high blood pressure", "asthma"],
    near: "What did the doctors find at {n}?",
    ask: ["Which illness does {n} have?", "What is {n}'s medical condition?"],
    when: ["When was {n} diagnosed?"]
  },
  {
    say: ["I painted {x} for the kitchen wall {t}.", "{t} I finished my picture of {x}."],
    values: ["a sunrise over dunes", "two herons", "an old tram", "the harbour at night"],
    near: "What did {n} paint for the kitchen wall?",
    ask: ["What is shown in {n}'s artwork?", "Which motif did {n} put on canvas?"],
    when: ["When did {n} complete the painting?"],
    all: "What has {n} painted?"
  }
]
