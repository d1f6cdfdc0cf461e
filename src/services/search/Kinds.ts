/** Kinds of things, by the words that ask for them, with what people have of each. */
const kinds = `
animal pet: dog cat rabbit hamster parrot horse pony goldfish fish turtle tortoise lizard snake bird canary parakeet puppy kitten hen chicken goat sheep cow pig duck
dog breed: beagle labrador retriever poodle terrier husky collie spaniel bulldog dachshund greyhound shepherd corgi chihuahua mutt
instrument: guitar piano violin cello drum flute trumpet saxophone clarinet banjo harp ukulele accordion keyboard bass harmonica trombone oboe mandolin organ
sport exercise workout: football soccer basketball tennis volleyball baseball hockey golf rugby cricket swim run jog cycle yoga pilates box climb ski snowboard surf skate row martial karate judo dance gym marathon hike tai
art craft artwork: paint painting sculpture pottery draw sketch watercolor canvas knit crochet sew quilt weave photography ceramic embroidery woodwork carve calligraphy origami
hobby activity pastime: paint read hike garden cook bake knit chess guitar photography camp fish dance swim yoga puzzle game bird run
food dish meal cuisine: pizza pasta curry sushi soup stew salad bread cake rice steak burger taco noodle sandwich cheese chicken fish pie risotto dumpling barbecue lasagna
dessert: cake pie cookie brownie chocolate pudding ice tart muffin cupcake
drink beverage: coffee tea wine beer juice water milk soda cocktail whiskey smoothie cider
fruit: apple banana orange strawberry grape pear cherry mango peach lemon berry plum
vegetable: carrot tomato potato onion pepper cucumber lettuce bean pea spinach pumpkin zucchini
flower plant: rose tulip lily sunflower daisy orchid dahlia lavender tree cactus fern herb tomato
vehicle car transport: car truck van bus bike bicycle motorcycle scooter train tram plane boat taxi subway suv jeep sedan pickup convertible volvo toyota ford honda tesla bmw
family relative relation: mother father mom dad sister brother son daughter aunt uncle cousin grandmother grandfather grandma grandpa niece nephew wife husband twin
sibling: brother sister twin
parent: mother father mom dad
child kid: son daughter baby boy girl twin toddler
pet: dog cat
job occupation profession career: teacher nurse doctor engineer lawyer chef cook waiter writer editor designer developer programmer manager accountant architect artist actor singer musician driver pilot police officer firefighter paramedic mechanic electrician plumber carpenter farmer baker barista librarian scientist researcher consultant counselor therapist psychologist dentist pharmacist salesperson cashier receptionist assistant journalist photographer
illness disease condition health: diabetes asthma cancer allergy flu cold fever migraine arthritis depression anxiety insomnia infection pneumonia anemia thyroid pressure cholesterol covid
injury: broke broken sprain fracture torn cut burn concussion wrist ankle knee leg arm shoulder back elbow rib
music genre band: jazz rock pop classical blues country folk metal punk reggae hip hop rap opera
color colour: red blue green yellow orange purple pink black white brown grey gray teal turquoise violet
season: spring summer autumn fall winter
meal: breakfast lunch dinner brunch supper
building place: house church museum library school hospital station airport stadium theater theatre hotel park mall
clothes clothing garment: shirt dress jacket coat sweater jeans skirt shoe boot hat scarf glove sock suit
jewelry jewellery: ring necklace bracelet earring locket pendant brooch watch
gift present souvenir: necklace ring book flower card watch bracelet toy mug scarf locket quilt
award prize honor: medal trophy ribbon certificate cup scholarship title
device gadget: phone laptop tablet camera computer watch console drone headphone speaker
emotion feeling mood: happy sad angry afraid excited nervous proud lonely grateful anxious jealous relieved overwhelmed
school education degree: university college bachelor master phd diploma course class certificate graduate
religion faith: church mosque temple synagogue buddhist christian muslim jewish hindu catholic prayer
book novel: novel story author chapter read
game: chess poker monopoly scrabble puzzle cards console nintendo xbox playstation sudoku
house home accommodation: apartment flat cottage studio loft condo bungalow cabin villa mansion trailer
country nation: america england france germany spain italy portugal sweden norway japan china india brazil mexico canada australia
business company: shop store bakery cafe restaurant studio agency startup salon gallery
natural nature outdoors: mountain lake river forest beach ocean trail camp hike waterfall canyon desert sunset
danger disaster accident: fire flood storm hurricane earthquake crash tornado
crime: stolen theft thief robbed robbery burglary burglar fraud
ancestry ethnicity nationality: american english irish scottish french german italian spanish swedish polish russian chinese japanese indian mexican
language: english french german spanish italian portuguese russian chinese japanese arabic hindi korean
database: postgres postgresql mysql sqlite mongodb redis oracle
programming technology framework: python javascript typescript java rust go ruby php swift kotlin react django rails
`

const members = new Map<string, Set<string>>()
for (const line of kinds.trim().split("\n")) {
  const [askedBy = "", all = ""] = line.split(": ")
  for (const word of askedBy.split(" ")) {
    const known = members.get(word) ?? new Set()
    for (const member of all.split(" ")) known.add(member)
    members.set(word, known)
  }
}

/** What somebody may have who is asked for this kind of thing. */
export const membersOf = (word: string): ReadonlyArray<string> => [
  ...(members.get(word) ?? members.get(word.replace(/s$/, "")) ?? members.get(word.replace(/ies$/, "y")) ?? [])
]
