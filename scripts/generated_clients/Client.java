import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import org.openapitools.client.ApiClient;
import org.openapitools.client.ApiException;
import org.openapitools.client.api.TimerApi;
import org.openapitools.client.api.TimersApi;
import org.openapitools.client.model.*;

/** A timer by the client that openapi-generator makes for Java. */
final class Client {
    private static final String URL = "http://127.0.0.1:8099/";

    public static void main(String[] arguments) throws ApiException {
        ApiClient http = new ApiClient();
        http.updateBaseUri(System.getenv("JETTIMER_URL"));
        String token = System.getenv("JETTIMER_TOKEN");
        http.setRequestInterceptor(request -> request.header("Authorization", "Bearer " + token));
        TimerApi timer = new TimerApi(http);
        TimersApi timers = new TimersApi(http);
        String label = "java-" + ProcessHandle.current().pid();

        TimerCreation another = new TimerCreation().delay("1h").url(URL).metadata(Map.of("client", "another"));
        TimerSummary other = timer.createTimer(another, null, null);
        // Whole minutes, whose seconds some writers of Java leave out.
        OffsetDateTime at = OffsetDateTime.now(ZoneOffset.ofHours(1)).plusHours(1).truncatedTo(ChronoUnit.MINUTES);
        TimerCreation creation = new TimerCreation()
            .at(at).url(URL).method(Method.PUT).delivery(Delivery.AT_LEAST_ONCE).timeout("7s")
            .headers(Map.of("x-order", "4711")).body(Map.of("order", 4711)).metadata(Map.of("client", label));
        TimerSummary created = timer.createTimer(creation, label, null);
        check(created.getDueAt().isEqual(at), created);
        Timer changed = timer.changeTimer(created.getId(), new TimerChange().url(URL + "other"), null, null);
        for (Timer shown : List.of(changed, timer.getTimer(created.getId(), null))) {
            check(shown.getUrl().equals(URL + "other"), shown);
            check(shown.getMethod() == Method.PUT && shown.getDelivery() == Delivery.AT_LEAST_ONCE, shown);
            check(shown.getTimeout().equals("7s") && shown.getDueAt().isEqual(at), shown);
            check(shown.getHeaders().equals(Map.of("x-order", "4711")), shown);
            check(shown.getBody().equals(Map.of("order", 4711)), shown);
        }

        List<String> labels = List.of("client=" + label);
        TimerPage page;
        do { // The index trails the records by milliseconds.
            page = timers.listTimers(null, null, null, null, null, "127.0.0.1:8099", labels, null, null, null, null);
        } while (page.getTimers().isEmpty());
        check(page.getTimers().size() == 1 && page.getTimers().get(0).getId().equals(created.getId()), page);
        BulkCancellation meant =
            timers.cancelTimers(List.of(State.SCHEDULED), null, null, null, null, null, labels, true, null);
        check(meant.getMatched() == 1 && meant.getCancelled() == 0, meant);
        check(timer.cancelTimer(created.getId(), null, null).getState() == State.CANCELLED, created);
        check(timer.getTimer(other.getId(), null).getState() == State.SCHEDULED, other);
        try {
            timer.createTimer(new TimerCreation().url(URL), null, null);
            check(false, "a timer without an instant is refused");
        } catch (ApiException refused) {
            check(refused.getCode() == 422, refused);
        }
        System.out.println("created, changed, found, counted and cancelled");
    }

    private static void check(boolean holds, Object shown) {
        if (!holds) throw new AssertionError(String.valueOf(shown));
    }
}
